// One incident: what was seen, what it rests on, and what people say of it.
import { MISTAKEN, STATES, api, duration, el, failed, fully, howItEnded, said, sign, toast } from "./core.js";
import { acknowledge, judge } from "./cards.js";

const main = document.getElementById("main"), number = Number(main.dataset.number), place = document.getElementById("incident");
const mayJudge = main.dataset.judge === "yes";
const COLOURS = { with_mask: "#009e73", without_mask: "#d55e00", incorrect: "#f0e442", unknown: "#8b9aa4" };

async function load() {
  try { show(await api(`/incidents/${number}`)); } catch (error) {
    failed(error);
    place.replaceChildren(el("p", { class: "empty" }, error.message));
  }
}

function show(detail) {
  const incident = detail.incident;
  const detector = { model: detail.model, sha256: detail.model_sha256, ...detail.settings?.detector };
  const shot = el("img", { class: "shot", src: `/api/v1/incidents/${number}/picture.jpg`, alt: `${STATES[incident.state].words}, ${incident.camera}; other faces are hidden` });
  shot.addEventListener("error", () => shot.replaceWith(el("p", { class: "empty block" }, "No picture was kept.")), { once: true });
  place.replaceChildren(
    el("div", {}, shot, el("p", { class: "hint" }, "The surest look before it opened. Everybody else's face is hidden.")),
    el("div", {},
      block(null, el("p", { class: "condition verdict" }, sign(incident.state), " ", STATES[incident.state].words),
        facts([["Camera", el("a", { href: `/cameras/${encodeURIComponent(incident.camera)}` }, incident.camera)], ["Since", fully(incident.since_at)], ["Opened", fully(incident.opened_at)], ["How it ended", howItEnded(incident)], ["Said", said(incident) || "nothing yet"]])),
      mayJudge ? judging(incident) : null,
      block("Timeline", timeline(detail)),
      block("Evidence when it opened", facts([
        ["Mean score of the state", percent(incident.confidence)],
        ["Share of the evidence", percent(detail.share)],
        ["Evidence", detail.evidence_s === null ? "–" : `${detail.evidence_s.toFixed(2)} s of a perfect look`],
        ["Looks", detail.observations ?? "–"],
        ["Face", `${Math.round(detail.box_px[2] - detail.box_px[0])} × ${Math.round(detail.box_px[3] - detail.box_px[1])} px`],
      ])),
      block("What was said", reviews(detail.reviews)),
      block("What decided it", facts([["Model", detector.model], ["Model, SHA-256", el("code", {}, detector.sha256.slice(0, 16))], ["Settings, SHA-256", el("code", {}, detail.settings_sha256.slice(0, 16))], ["Version", detail.version], ["Identity", el("code", {}, incident.id)]]), settings(detail.settings))));
}

/** The detector's and the camera's own settings at that moment, a line each. */
function settings(sections) {
  if (!sections) return null;
  const rows = Object.entries(sections).flatMap(([section, values]) => Object.entries(values).map(([key, value]) => [`${section}.${key}`, typeof value === "object" ? JSON.stringify(value) : String(value)]));
  return el("details", {}, el("summary", {}, "The detector's and the camera's settings"), facts(rows));
}

const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(0)} %`);
const block = (title, ...content) => el("section", { class: "block" }, title && el("h2", {}, title), ...content);
const facts = (rows) => el("dl", { class: "facts" }, ...rows.flatMap(([label, value]) => [el("dt", {}, label), el("dd", {}, value)]));

function judging(incident) {
  const note = el("textarea", { maxlength: 500, placeholder: "A note, if you like", "aria-label": "Note" });
  const say = async (action) => { try { await action(); toast("Kept."); await load(); } catch (error) { failed(error); } };
  const button = (label, pressed, action) => el("button", { type: "button", "aria-pressed": String(pressed), onclick: () => say(action) }, label);
  return block("Was it right?",
    el("div", { class: "judge" },
      button("Right", incident.decision === "confirmed", () => judge(number, "confirmed", null, note.value)),
      ...Object.entries(MISTAKEN).map(([key, label]) => button(`False alarm: ${label.toLowerCase()}`, incident.false_alarm_reason === key, () => judge(number, "false_alarm", key, note.value))),
      incident.acknowledged ? null : button("Only seen", false, () => acknowledge(number))),
    note);
}

function timeline(detail) {
  const incident = detail.incident;
  if (!detail.segments.length) return el("p", { class: "hint" }, incident.ended === null ? "The visit is still going on." : "The visit is not in the journal.");
  const end = Math.max(...detail.segments.map((segment) => segment.end_s), 0.1), from = Date.parse(detail.first_seen_at);
  const x = (seconds) => (1000 * seconds) / end, opened = (Date.parse(incident.opened_at) - from) / 1000;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => part * end);
  return el("div", {}, el("svg", { class: "timeline chart", viewBox: "0 0 1000 62", preserveAspectRatio: "none", role: "img", "aria-label": detail.segments.map((segment) => `${STATES[segment.state].words} ${duration(segment.end_s - segment.start_s)}`).join(", ") },
    ...detail.segments.map((segment) => el("rect", { x: x(segment.start_s), y: 14, width: Math.max(2, x(segment.end_s) - x(segment.start_s)), height: 34, fill: COLOURS[segment.state] }, el("title", {}, `${STATES[segment.state].words}, ${duration(segment.end_s - segment.start_s)}`))),
    el("line", { x1: x(opened), x2: x(opened), y1: 4, y2: 58, class: "whisker" }, el("title", {}, "the incident opened"))),
  el("div", { class: "legend spread" }, ...ticks.map((seconds) => el("span", {}, `${seconds.toFixed(1)} s`))),
  el("p", { class: "legend" }, ...[...new Set(detail.segments.map((segment) => segment.state))].map((state) => el("span", {}, sign(state), " ", STATES[state].words)), el("span", {}, "│ opened")));
}

function reviews(list) {
  if (!list.length) return el("p", { class: "hint" }, "Nobody has said anything yet.");
  return el("ul", { class: "reviews" }, ...[...list].reverse().map((review) => el("li", {},
    el("strong", {}, review.decision === "confirmed" ? "Right" : review.decision === "false_alarm" ? `False alarm${review.false_alarm_reason ? `: ${MISTAKEN[review.false_alarm_reason].toLowerCase()}` : ""}` : "Acknowledged"),
    review.note ? ` – ${review.note}` : "", el("div", { class: "at" }, `${review.by}, ${fully(review.at)}`))));
}

load();
