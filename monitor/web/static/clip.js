// The video of an incident, with the people and zones that were noted beside it drawn over it.
import { STATES, api, base, duration, el, failed, kept, post } from "./core.js";

const main = document.getElementById("main"), number = Number(main.dataset.number), place = document.getElementById("clip");
const isAdmin = main.dataset.admin === "yes";
const COLOURS = { with_mask: "#009e73", without_mask: "#d55e00", incorrect: "#f0e442", unknown: "#8b9aa4" };
const PENDING_MS = 2000, PREPARING_MS = 1000;
/** What was noted of a picture is shown for at most so many seconds. */
const CURRENT_S = 0.6;

const shown = { boxes: kept.get("clip.boxes") !== "no", zones: kept.get("clip.zones") === "yes" };
const status = el("p", { class: "hint", role: "status" });
let part = 1, original = false, timer = 0;

async function load() {
  clearTimeout(timer);
  try {
    const found = await api(`/incidents/${number}/clips`);
    place.hidden = !found.clips.length && !found.pending;
    if (place.hidden) return;
    if (!found.clips.length) { wait("The video is being recorded.", PENDING_MS); return; }
    part = Math.min(part, found.clips.length);
    await show(found.clips);
  } catch (error) { failed(error); }
}

function wait(words, ms) {
  status.textContent = words;
  place.replaceChildren(el("h2", {}, "Video"), status);
  timer = setTimeout(load, ms);
}

async function show(clips) {
  const clip = clips[part - 1];
  if (!original && clip.blurred === "preparing") { wait("Blurring everybody but the person concerned.", PREPARING_MS); return; }
  if (!original && clip.blurred !== "ready") { place.replaceChildren(el("h2", {}, "Video"), ...offer(clip)); return; }
  const notes = await api(`/incidents/${number}/clips/${part}/boxes`);
  const what = original ? "original" : "blurred";
  const video = el("video", { controls: true, preload: "metadata", playsinline: true, width: clip.width_px, height: clip.height_px, src: `${base}/api/v1/incidents/${number}/clips/${part}/${what}.mp4`, "aria-label": "Video of the incident" });
  const canvas = el("canvas", { "aria-hidden": "true" });
  video.addEventListener("error", () => { status.textContent = clip.codec === "hevc" && original ? "This browser cannot play the camera's H.265; the blurred video plays everywhere." : "The video cannot be played."; });
  status.textContent = "";
  place.replaceChildren(el("h2", {}, "Video"), el("div", { class: "player" }, video, canvas), status,
    el("div", { class: "choices" }, ...moments(notes, video)),
    el("div", { class: "choices" }, toggle("Boxes", "boxes", () => draw()), toggle("Zones", "zones", () => draw(), !Object.keys(notes.zones).length), ...choices(clips)),
    el("p", { class: "hint" }, original ? "As the camera sent it: everybody can be recognised. Viewing it is in the audit log." : "Everybody but the person concerned is blurred."));
  const draw = drawing(video, canvas, notes);
}

/** The offer to make the copy that may be seen. */
function offer(clip) {
  const ask = async () => {
    try { await post(`/incidents/${number}/clips/${part}/blurred`); await load(); } catch (error) { failed(error); }
  };
  const words = clip.blurred === "failed" ? "The video could not be prepared." : `${duration(clip.duration_s)} of video. Everybody but the person concerned is blurred the first time it is shown.`;
  return [el("p", { class: "hint" }, words), el("div", { class: "choices" },
    el("button", { type: "button", onclick: ask }, clip.blurred === "failed" ? "Try again" : "Show video"), isAdmin ? originals() : null)];
}

const originals = () => el("button", { type: "button", class: "quiet", "aria-pressed": String(original), onclick: () => { original = !original; load(); } }, "Original");

function choices(clips) {
  const parts = clips.length < 2 ? [] : clips.map((_, index) => el("button", { type: "button", class: "quiet", "aria-pressed": String(part === index + 1), onclick: () => { part = index + 1; load(); } }, `Part ${index + 1}`));
  return [...parts, isAdmin ? originals() : null];
}

function toggle(label, key, changed, without = false) {
  if (without) return null;
  const button = el("button", { type: "button", "aria-pressed": String(shown[key]), onclick: () => {
    shown[key] = !shown[key];
    kept.set(`clip.${key}`, shown[key] ? "yes" : "no");
    button.setAttribute("aria-pressed", String(shown[key]));
    changed();
  } }, label);
  return button;
}

/** Buttons that lead to what happened. */
function moments(notes, video) {
  const own = notes.incidents.find((incident) => incident.track_id === notes.subject);
  if (!own) return [];
  const rows = [["Violation begins", own.since_s], ["Alert", own.opened_s], ["End", own.closed_s]];
  return rows.filter(([, at]) => at !== null && at >= 0).map(([label, at]) => el("button", { type: "button", class: "quiet", onclick: () => { video.currentTime = at; } }, `${label} ${at.toFixed(1)} s`));
}

/** Draw over the video whatever it shows; return what draws again. */
function drawing(video, canvas, notes) {
  const pen = canvas.getContext("2d");
  const again = () => {
    const width = video.clientWidth, height = video.clientHeight, dense = devicePixelRatio;
    if (!width || !notes.size_px) return;
    if (canvas.width !== Math.round(width * dense) || canvas.height !== Math.round(height * dense)) {
      canvas.width = Math.round(width * dense); canvas.height = Math.round(height * dense);
    }
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, width, height);
    const x = width / notes.size_px[0], y = height / notes.size_px[1];
    if (shown.zones) for (const [name, corners] of Object.entries(notes.zones)) zone(pen, name, corners.map(([across, down]) => [across * width, down * height]));
    const frame = shown.boxes ? noted(notes.frames, video.currentTime) : null;
    for (const person of frame?.people ?? []) box(pen, person, person[0] === notes.subject, x, y, width);
    canvas.dataset.people = String(frame?.people.length ?? 0);
  };
  const next = () => { if (!video.isConnected) return; again(); video.requestVideoFrameCallback ? video.requestVideoFrameCallback(next) : requestAnimationFrame(next); };
  for (const event of ["loadeddata", "seeked", "pause"]) video.addEventListener(event, again);
  new ResizeObserver(again).observe(video);
  next();
  return again;
}

/** What was noted of the last picture analysed at a time, null if that is too long ago. */
function noted(frames, time) {
  let low = 0, high = frames.length;
  while (low < high) { const middle = (low + high) >> 1; if (frames[middle].at <= time + 0.01) low = middle + 1; else high = middle; }
  return low && time - frames[low - 1].at <= CURRENT_S ? frames[low - 1] : null;
}

function zone(pen, name, corners) {
  pen.beginPath();
  for (const corner of corners) pen.lineTo(...corner);
  pen.closePath();
  pen.setLineDash([8, 6]); pen.lineWidth = 2; pen.strokeStyle = "#fff"; pen.stroke(); pen.setLineDash([]);
  text(pen, name, Math.min(...corners.map(([x]) => x)) + 4, Math.min(...corners.map(([, y]) => y)) + 4, "#fff", "#000a");
}

function box(pen, [, state, score, x1, y1, x2, y2], isSubject, x, y, width) {
  pen.lineWidth = isSubject ? 3.5 : 2;
  pen.strokeStyle = COLOURS[state];
  pen.strokeRect(x1 * x, y1 * y, (x2 - x1) * x, (y2 - y1) * y);
  const words = state === "unknown" ? STATES[state].words : `${STATES[state].words} ${Math.round(100 * score)}%`;
  if (isSubject || width > 500) text(pen, words, x1 * x, Math.max(0, y1 * y - 20), state === "incorrect" ? "#000" : "#fff", COLOURS[state]);
}

function text(pen, words, x, y, ink, ground) {
  pen.font = "600 13px system-ui, sans-serif";
  pen.textBaseline = "top";
  pen.fillStyle = ground; pen.fillRect(x, y, pen.measureText(words).width + 10, 19);
  pen.fillStyle = ink; pen.fillText(words, x + 5, y + 3);
}

load();
