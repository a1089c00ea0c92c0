// Compliance with its denominators and intervals.
import { api, base, duration, el, failed, fully, percent, table } from "./core.js";
import { overTime } from "./chart.js";

const OUTCOMES = { compliant: "compliant", corrected: "corrected", violation: "no mask", incorrect: "worn incorrectly", unknown: "undetermined" };
const form = document.getElementById("range"), place = document.getElementById("figures");
let days = 1, shown = null, asked = 0;

function query() {
  const wanted = new URLSearchParams({ by: form.elements.by.value, zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC" });
  wanted.set("since", new Date(Date.now() - days * 864e5).toISOString());
  if (form.elements.camera.value) wanted.set("camera", form.elements.camera.value);
  return wanted;
}

async function load() {
  const wanted = query();
  for (const link of document.querySelectorAll("[data-export]")) {
    const visits = link.dataset.export.startsWith("visits");
    const own = new URLSearchParams(wanted);
    if (visits) { own.delete("by"); own.delete("zone"); }
    link.href = `${base}/api/v1/export/${link.dataset.export}?${own}`;
  }
  const request = ++asked;
  try {
    const found = await api(`/statistics?${wanted}`);
    if (request !== asked) return; // another period or camera has been chosen since
    shown = found;
    show();
  } catch (error) {
    if (error.status !== 429) failed(error);
    else if (request === asked) setTimeout(() => { if (request === asked) load(); }, 1000); // another one of this account is being made
  }
}

function show() {
  const { total, over_time: time, by_camera: cameras, time_to_comply: comply, reviews } = shown;
  if (!total.visits) { place.replaceChildren(el("p", { class: "figure empty" }, "Nobody was seen in this period.")); return; }
  const box = (size, title, ...content) => el("section", { class: `figure ${size}` }, el("h2", {}, title), ...content);
  const chart = el("div");
  const camera = form.elements.camera.value;
  document.getElementById("scope").textContent = `${fully(shown.since)} to ${fully(shown.until)}, ${camera ? `camera ${camera}` : "all cameras"}`;
  place.replaceChildren(
    box("third", "Compliance", el("div", { class: "big" }, percent(total.rate)),
      el("p", { class: "under" }, total.rate === null ? "no outcome was determined" : `${total.complied} of ${total.decided} people; 95% interval ${percent(total.low)} to ${percent(total.high)}`)),
    box("third", "Undetermined", el("div", { class: "big" }, percent(total.unknown_share)), el("p", { class: "under" }, `${total.outcomes.unknown} of ${total.visits} visits: too far away, too brief or cut off`)),
    box("third", "Time to comply", el("div", { class: "big" }, comply.median_s === null ? "–" : duration(comply.median_s)),
      el("p", { class: "under" }, comply.people ? `median of ${comply.people} people; 90% within ${duration(comply.p90_s)}` : "nobody corrected")),
    box("", "Visit outcomes",
      el("div", { class: "stack", role: "img", "aria-label": Object.entries(total.outcomes).map(([key, count]) => `${OUTCOMES[key]} ${count}`).join(", ") }, ...bars(total)),
      el("div", { class: "legend" }, ...Object.entries(total.outcomes).map(([key, count]) => el("span", {}, el("i", { class: key }), `${OUTCOMES[key]} ${count}`)))),
    box("", `Compliance by ${form.elements.by.value}`, chart, el("div", { class: "legend" }, el("span", {}, el("i", { class: "rate" }), "compliance, with its 95% interval"), el("span", {}, el("i", { class: "seen" }), "people seen"))),
    box("half", "By camera", table(["Camera", "People", "Determined", "Compliance", "95% interval"], cameras.map(({ label, compliance: c }) => [label, c.visits, c.decided, percent(c.rate), c.rate === null ? "–" : `${percent(c.low)} to ${percent(c.high)}`]))),
    box("half", "False alarms by reviewer verdict", reviews.length ? table(["Camera", "Incidents", "Reviewed", "False alarms", "Rate (95%)"], reviews.map((a) => [a.camera, a.incidents, a.confirmed + a.false_alarms, a.false_alarms, a.false_alarm_rate === null ? "–" : `${percent(a.false_alarm_rate)} (${percent(a.low)} to ${percent(a.high)})`])) : el("p", { class: "under" }, "no incidents")),
    box("", `Figures by ${form.elements.by.value}`, table(["Time", "People", "Determined", "Compliance", "95% interval", "Undetermined"], [...time].reverse().map(({ label, compliance: c }) => [label, c.visits, c.decided, percent(c.rate), c.rate === null ? "–" : `${percent(c.low)} to ${percent(c.high)}`, percent(c.unknown_share)]))));
  chart.append(overTime(time, Math.max(280, chart.clientWidth)));
}

function bars(total) {
  return Object.entries(total.outcomes).filter(([, count]) => count).map(([key, count]) => {
    const bar = el("i", { class: key, title: `${OUTCOMES[key]} ${count}` });
    bar.style.width = `${(100 * count) / total.visits}%`;
    return bar;
  });
}

for (const tab of document.querySelectorAll("[data-days]")) {
  tab.addEventListener("click", () => {
    days = Number(tab.dataset.days);
    form.elements.by.value = days > 2 ? "day" : "hour";
    for (const other of document.querySelectorAll("[data-days]")) other.setAttribute("aria-pressed", String(other === tab));
    load();
  });
}
form.addEventListener("change", load);
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("resize", () => { if (shown) show(); });
try {
  form.elements.camera.append(...(await api("/cameras")).map((camera) => el("option", { value: camera.name }, camera.name)));
} catch (error) { failed(error); }
load();
