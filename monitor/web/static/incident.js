// One incident: what was seen, the evidence for it, and its reviews.
import { REASONS, STATES, api, base, duration, el, failed, fully, howItEnded, reviewed, sign, toast } from "./core.js";
import { evidence } from "./evidence.js";
import { acknowledge, decide, saved, withdraw } from "./review.js";

const main = document.getElementById("main"), number = Number(main.dataset.number), place = document.getElementById("incident");
const mayReview = main.dataset.review === "yes", mayErase = main.dataset.admin === "yes";
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
  const shot = el("img", { class: "shot", src: `${base}/api/v1/incidents/${number}/picture.jpg`, alt: `${STATES[incident.state].words}, ${incident.camera}; other faces are hidden` });
  shot.addEventListener("error", () => shot.replaceWith(el("p", { class: "empty block" }, "No picture saved.")), { once: true });
  place.replaceChildren(
    el("div", {}, shot, el("p", { class: "hint" }, "Clearest image before the alert. Other faces are hidden.")),
    el("div", {},
      block(null, el("p", { class: "condition verdict" }, sign(incident.state), " ", STATES[incident.state].words),
        facts([["Camera", el("a", { href: `${base}/cameras/${encodeURIComponent(incident.camera)}` }, incident.camera)], ["Since", fully(incident.since_at)], ["Opened", fully(incident.opened_at)], ["Outcome", howItEnded(incident)], ["Review", reviewed(incident) || "none yet"]])),
      mayReview ? review(incident) : null,
      mayReview ? block("Evidence", evidence(detail, { mayErase, reload: load, erased })) : null,
      block("Timeline", timeline(detail)),
      block("Evidence at the alert", facts([
        ["Mean score", percent(incident.confidence)],
        ["Probability", percent(detail.share)],
        ["Evidence", detail.evidence_s === null ? "–" : `${detail.evidence_s.toFixed(2)} s`],
        ["Analyses", detail.observations ?? "–"],
        ["Face", `${Math.round(detail.box_px[2] - detail.box_px[0])} × ${Math.round(detail.box_px[3] - detail.box_px[1])} px`],
      ])),
      block("Review history", reviews(detail.reviews)),
      block("Model and settings used", facts([["Model", detector.model], ["Model, SHA-256", el("code", {}, detector.sha256.slice(0, 16))], ["Settings, SHA-256", el("code", {}, detail.settings_sha256.slice(0, 16))], ["Version", detail.version], ["Incident ID", el("code", {}, incident.id)]]), settings(detail.settings))));
}

function erased() {
  place.replaceChildren(el("p", { class: "empty", role: "status" }, "This incident was erased. It stays counted in the statistics."));
}

/** The detector's and the camera's own settings at that moment, a line each. */
function settings(sections) {
  if (!sections) return null;
  const rows = Object.entries(sections).flatMap(([section, values]) => Object.entries(values).map(([key, value]) => [`${section}.${key}`, typeof value === "object" ? JSON.stringify(value) : String(value)]));
  return el("details", {}, el("summary", {}, "Detector and camera settings"), facts(rows));
}

const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(0)}%`);
const block = (title, ...content) => el("section", { class: "block" }, title && el("h2", {}, title), ...content);
const facts = (rows) => el("dl", { class: "facts" }, ...rows.flatMap(([label, value]) => [el("dt", {}, label), el("dd", {}, value)]));

function review(incident) {
  const note = el("textarea", { maxlength: 500, placeholder: "Note (optional)", "aria-label": "Note" });
  const done = incident.acknowledged || incident.decision;
  const say = async (action, undoable = true) => {
    try {
      const now = await action();
      if (undoable) saved(now, load); else toast("Saved");
      await load();
      place.querySelector(".choices button")?.focus({ preventScroll: true });
    } catch (error) { failed(error); }
  };
  const button = (label, pressed, action) => el("button", { type: "button", "aria-pressed": String(pressed), onclick: () => say(action) }, label);
  return block("Was this a real violation?",
    el("div", { class: "choices" },
      button("Confirm", incident.decision === "confirmed", () => decide(number, "confirmed", null, note.value)),
      ...Object.entries(REASONS).map(([key, label]) => button(`False alarm: ${label.toLowerCase()}`, incident.false_alarm_reason === key, () => decide(number, "false_alarm", key, note.value))),
      done ? null : button("Acknowledge", false, () => acknowledge(number)),
      done ? el("button", { type: "button", class: "quiet", onclick: () => say(() => withdraw(number), false) }, "Withdraw review") : null),
    note);
}

function timeline(detail) {
  const incident = detail.incident;
  if (!detail.segments.length) return el("p", { class: "hint" }, incident.ended === null ? "The visit is still in progress." : "No timeline was recorded for this visit.");
  const end = Math.max(...detail.segments.map((segment) => segment.end_s), 0.1), from = Date.parse(detail.first_seen_at);
  const x = (seconds) => (1000 * seconds) / end, opened = (Date.parse(incident.opened_at) - from) / 1000;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => part * end);
  return el("div", {}, el("svg", { class: "timeline chart", viewBox: "0 0 1000 62", preserveAspectRatio: "none", role: "img", "aria-label": detail.segments.map((segment) => `${STATES[segment.state].words} ${duration(segment.end_s - segment.start_s)}`).join(", ") },
    ...detail.segments.map((segment) => el("rect", { x: x(segment.start_s), y: 14, width: Math.max(2, x(segment.end_s) - x(segment.start_s)), height: 34, fill: COLOURS[segment.state] }, el("title", {}, `${STATES[segment.state].words}, ${duration(segment.end_s - segment.start_s)}`))),
    el("line", { x1: x(opened), x2: x(opened), y1: 4, y2: 58, class: "whisker" }, el("title", {}, "alert"))),
  el("div", { class: "legend spread" }, ...ticks.map((seconds) => el("span", {}, `${seconds.toFixed(1)} s`))),
  el("p", { class: "legend" }, ...[...new Set(detail.segments.map((segment) => segment.state))].map((state) => el("span", {}, sign(state), " ", STATES[state].words)), el("span", {}, "│ alert")));
}

function reviews(list) {
  if (!list.length) return el("p", { class: "hint" }, "No reviews yet.");
  return el("ul", { class: "reviews" }, ...[...list].reverse().map((review) => el("li", {},
    el("strong", {}, reviewed({ ...review, acknowledged: true })),
    review.note ? ` – ${review.note}` : "", el("div", { class: "at" }, `${review.by}, ${fully(review.at)}`))));
}

load();
