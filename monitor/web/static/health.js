// How everything is, every two seconds.
import { api, base, duration, el, failed, table } from "./core.js";
import { cause, problem } from "./causes.js";
import { live } from "./connection.js";

const place = document.getElementById("health"), well = document.getElementById("well");
live.addEventListener("cameras", ({ detail }) => live.watch(Object.fromEntries(detail.cameras.slice(0, 1).map((camera) => [camera.name, { width: 320 }]))), { once: true });

const numeric = (index) => index > 1;

async function load() {
  try { show(await api("/health")); } catch (error) { well.className = "pill bad"; well.textContent = "The monitor is not responding"; failed(error); }
}

const STEPS = {
  none: "nothing", delete_false_alarms: "pictures and videos of false alarms are deleted",
  delete_confirmed: "pictures and videos of the oldest confirmed incidents are deleted",
  no_new_clips: "new incidents get no video", no_new_pictures: "new incidents get neither picture nor video",
};

function size(bytes) {
  const [unit, label] = [[2 ** 30, "GB"], [2 ** 20, "MB"], [2 ** 10, "KB"]].find(([least]) => bytes >= least) ?? [2 ** 10, "KB"];
  return `${(bytes / unit).toFixed(1)} ${label}`;
}

/** How long the disk lasts at the rate of the last week. */
const lasts = (storage) => (storage.days_left === null ? "old evidence goes before it is full" : `full in ${Math.floor(storage.days_left)} days at this rate`);

/** Say a reason, which begins with its camera's name, in plain words. */
function inWords(reason, cameras) {
  const camera = cameras.find((one) => reason.startsWith(`${one.name}: `));
  return camera ? problem(camera) : reason;
}

function show(health) {
  document.getElementById("warnings").replaceChildren(...(health.warnings ?? []).map((one) => el("div", { class: "banner warning" }, el("p", {}, one.text))));
  well.className = `pill ${health.reasons.length ? "bad" : "good"}`;
  well.textContent = [...new Set(health.reasons.map((reason) => inWords(reason, health.cameras)))].join("; ") || "Healthy";
  const box = (title, big, under) => el("section", { class: "figure third" }, el("h2", {}, title), el("div", { class: "big" }, big), el("p", { class: "under" }, under));
  const up = (live.now() - Date.parse(health.started_at)) / 1000;
  // The page is drawn anew every time: whoever is at a link, or has scrolled a table, stays there.
  const at = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const scrolled = [...place.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  place.replaceChildren(
    el("div", { class: "figures" },
      box("Analyses", health.cameras.reduce((sum, camera) => sum + camera.analyses_per_s, 0).toFixed(0), "per second, all cameras together"),
      box("Disk free", health.disk_free_mb === null ? "–" : `${(health.disk_free_mb / 1024).toFixed(1)} GB`, (health.disk_used_share === null ? "" : `${Math.round(100 * health.disk_used_share)}% of the disk is used; `) + lasts(health.storage)),
      box("Memory", `${health.memory_mb.toFixed(0)} MB`, `running for ${duration(up)}`)),
    el("h2", {}, "Cameras"),
    table(["Camera", "Condition", "Frames/s", "Analyses/s", "Latency p50 / p95 / p99", "Skipped", "Superseded", "Late", "Corrupt", "Failed"], health.cameras.map((camera) => [
      el("a", { href: `${base}/cameras/${encodeURIComponent(camera.name)}` }, camera.name),
      el("span", { class: "condition", title: camera.detail }, el("i", { class: `dot ${camera.condition}` }), `${camera.condition}${camera.cause ? ` (${cause(camera)[0]})` : ""}, ${duration((live.now() - camera.since_ms) / 1000)}`),
      camera.fps.toFixed(1), `${camera.analyses_per_s.toFixed(1)}${camera.given_per_s !== null ? ` (limit ${camera.given_per_s.toFixed(1)})` : ""}`,
      camera.latency_ms.p50 === undefined ? "–" : ["p50", "p95", "p99"].map((key) => camera.latency_ms[key].toFixed(0)).join(" / ") + " ms",
      camera.drops.skipped, camera.drops.superseded, camera.drops.late, camera.drops.corrupt, camera.drops.failed]), numeric),
    el("h2", {}, "Connected viewers"),
    table(["Viewer", "Pictures/s", "Picture age p50 / p95"], health.viewers.map((viewer) => [viewer.who, viewer.per_s ?? "–", viewer.p95_ms === null ? "–" : `${viewer.p50_ms} / ${viewer.p95_ms} ms`])),
    el("h2", {}, "Evidence"),
    table(["Files", "Size", "Per day", "Because of a full disk", "Public key (Ed25519)"], [[health.storage.files, size(health.storage.bytes), size(health.storage.bytes_per_day), STEPS[health.storage.step], el("code", {}, health.public_key ?? "–")]], () => false),
    el("h2", {}, "Program"),
    table(["Version", "Model", "Backend", "SHA-256"], [[health.version, health.model_choice ? `${health.model}: ${health.model_choice}` : health.model, `${health.backend}, ${health.device}`, el("code", {}, health.model_sha256.slice(0, 16))]], () => false),
    el("p", { class: "hint" }, "For scripts: ", el("a", { href: `${base}/healthz` }, `${base}/healthz`), ", ", el("a", { href: `${base}/metrics` }, `${base}/metrics`), " (Prometheus), ", el("a", { href: `${base}/docs` }, "the API"), "."));
  if (at) place.querySelector(`a[href="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
  for (const [index, one] of place.querySelectorAll(".scroll").entries()) one.scrollLeft = scrolled[index] ?? 0;
}

load();
setInterval(load, 2000);
