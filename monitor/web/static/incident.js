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

function show(dossier) {
  const incident = dossier.incident;
  const detector = { model: dossier.model, sha256: dossier.model_sha256, ...dossier.settings?.detector };
  const shot = el("img", { class: "shot", src: `/api/v1/incidents/${number}/picture.jpg`, alt: `${STATES[incident.state].words}, ${incident.camera}; other faces are hidden` });
  shot.addEventListener("error", () => shot.replaceWith(el("p", { class: "empty block" }, "No picture was kept.")), { once: true });
  place.replaceChildren(
    el("div", {}, shot, el("p", { class: "hint" }, "The surest look before it opened. Everybody else's face is hidden.")),
    el("div", {},
      block(null, el("p", { class: "condition verdict" }, sign(incident.state), " ", STATES[incident.state].words),
        facts([["Camera", el("a", { href: `/cameras/${encodeURIComponent(incident.camera)}` }, incident.camera)], ["Since", fully(incident.since_at)], ["Opened", fully(incident.opened_at)], ["How it ended", howItEnded(incident)], ["Said", said(incident) || "nothing yet"]])),
      mayJudge ? judging(incident) : null,
      block("Timeline", timeline(dossier)),
      block("Evidence when it opened", facts([
        ["Mean score of the state", percent(incident.confidence)],
        ["Share of the evidence", percent(dossier.share)],
        ["Evidence", dossier.evidence_s === null ? "–" : `${dossier.evidence_s.toFixed(2)} s of a perfect look`],
        ["Looks", dossier.looks ?? "–"],
        ["Face", `${Math.round(dossier.box_px[2] - dossier.box_px[0])} × ${Math.round(dossier.box_px[3] - dossier.box_px[1])} px`],
      ])),
      block("What was said", remarks(dossier.remarks)),
      block("What decided it", facts([["Model", detector.model], ["Model, SHA-256", el("code", {}, detector.sha256.slice(0, 16))], ["Settings, SHA-256", el("code", {}, dossier.settings_sha256.slice(0, 16))], ["Version", dossier.version], ["Identity", el("code", {}, incident.id)]]), settings(dossier.settings))));
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
      button("Right", incident.opinion === "right", () => judge(number, "right", null, note.value)),
      ...Object.entries(MISTAKEN).map(([key, label]) => button(`False alarm: ${label.toLowerCase()}`, incident.mistaken === key, () => judge(number, "false_alarm", key, note.value))),
      incident.acknowledged ? null : button("Only seen", false, () => acknowledge(number))),
    note);
}

function timeline(dossier) {
  const incident = dossier.incident;
  if (!dossier.segments.length) return el("p", { class: "hint" }, incident.ended === null ? "The visit is still going on." : "The visit is not in the journal.");
  const end = Math.max(...dossier.segments.map((segment) => segment.end_s), 0.1), from = Date.parse(dossier.first_seen_at);
  const x = (seconds) => (1000 * seconds) / end, opened = (Date.parse(incident.opened_at) - from) / 1000;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => part * end);
  return el("div", {}, el("svg", { class: "timeline chart", viewBox: "0 0 1000 62", preserveAspectRatio: "none", role: "img", "aria-label": dossier.segments.map((segment) => `${STATES[segment.state].words} ${duration(segment.end_s - segment.start_s)}`).join(", ") },
    ...dossier.segments.map((segment) => el("rect", { x: x(segment.start_s), y: 14, width: Math.max(2, x(segment.end_s) - x(segment.start_s)), height: 34, fill: COLOURS[segment.state] }, el("title", {}, `${STATES[segment.state].words}, ${duration(segment.end_s - segment.start_s)}`))),
    el("line", { x1: x(opened), x2: x(opened), y1: 4, y2: 58, class: "whisker" }, el("title", {}, "the incident opened"))),
  el("div", { class: "legend spread" }, ...ticks.map((seconds) => el("span", {}, `${seconds.toFixed(1)} s`))),
  el("p", { class: "legend" }, ...[...new Set(dossier.segments.map((segment) => segment.state))].map((state) => el("span", {}, sign(state), " ", STATES[state].words)), el("span", {}, "│ opened")));
}

function remarks(list) {
  if (!list.length) return el("p", { class: "hint" }, "Nobody has said anything yet.");
  return el("ul", { class: "remarks" }, ...[...list].reverse().map((remark) => el("li", {},
    el("strong", {}, remark.opinion === "right" ? "Right" : remark.opinion === "false_alarm" ? `False alarm${remark.mistaken ? `: ${MISTAKEN[remark.mistaken].toLowerCase()}` : ""}` : "Acknowledged"),
    remark.note ? ` – ${remark.note}` : "", el("div", { class: "at" }, `${remark.by}, ${fully(remark.at)}`))));
}

load();
