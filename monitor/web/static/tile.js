// One camera's picture with what is known of it; grey, and why, as soon as it is not of now.
import { STATES, base, duration, el } from "./core.js";
import { cause, sentence } from "./causes.js";

export class Tile {
  #canvas = el("canvas", { role: "img", width: 16, height: 9 });
  #name; #dot = el("i", { class: "dot" }); #note = el("span", { class: "note" }); #chips = el("span", { class: "chips" });
  #rate = el("span", { class: "note" }); #sample = el("span", { class: "sample", hidden: true }, "Sample"); #whyHead = el("b"); #whyLine = el("span");
  #capturedMs = null; #people = {}; #camera = null; #drawing = false; #drawn = false;

  constructor(name, tag = "a") {
    this.name = name;
    this.zones = {};
    this.#name = el("span", { class: "name" }, name);
    this.node = el(tag, { class: "tile stale", href: tag === "a" ? `${base}/cameras/${encodeURIComponent(name)}` : undefined, "data-camera": name },
      this.#canvas,
      el("div", { class: "top" }, this.#dot, this.#name, this.#sample, this.#note),
      el("div", { class: "why" }, this.#whyHead, this.#whyLine),
      el("div", { class: "low" }, this.#chips, this.#rate));
  }

  take(camera) { this.#camera = camera; this.#sample.hidden = !camera?.sample; }

  async picture(header) {
    if (this.#drawing) return; // the next one comes soon
    if (header.stale && this.#drawn) return; // the picture shown is greyed and dated here
    this.#drawing = true;
    try {
      const bitmap = await createImageBitmap(header.jpeg);
      const canvas = this.#canvas;
      if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) { canvas.width = bitmap.width; canvas.height = bitmap.height; }
      const ink = canvas.getContext("2d");
      ink.drawImage(bitmap, 0, 0);
      for (const [zone, corners] of Object.entries(this.zones)) outline(ink, zone, corners);
      bitmap.close();
      this.#drawn = true;
      this.#capturedMs = header.captured_ms;
      this.#people = header.people;
      this.#count(); // with their picture, and not before or after it
    } finally { this.#drawing = false; }
  }

  /** Show what is known at this moment of the monitor's clock; false where the picture is stale. */
  show(nowMs, connected) {
    const camera = this.#camera;
    const ageMs = this.#capturedMs === null ? null : nowMs - this.#capturedMs;
    const current = connected && camera && (camera.condition === "live" || camera.condition === "degraded");
    const fresh = Boolean(current && ageMs !== null && ageMs <= camera.stale_after_ms);
    this.node.classList.toggle("stale", !fresh);
    this.node.classList.toggle("violating", fresh && camera.violating);
    this.#dot.className = `dot ${connected ? camera?.condition ?? "" : "stale"}`;
    this.#note.textContent = fresh ? (camera.condition === "degraded" ? cause(camera)?.[0] ?? "degraded" : age(ageMs)) : "";
    this.#note.title = fresh && camera.condition === "degraded" ? [cause(camera)?.[1], camera.detail].filter(Boolean).join("\n") : "";
    const [head, line] = why(camera, connected, ageMs, current, nowMs);
    this.#whyHead.textContent = head;
    this.#whyLine.textContent = line;
    this.node.title = fresh ? "" : camera?.detail ?? "";
    if (fresh) {
      const rate = camera.analyses_per_s.toFixed(0);
      this.#rate.textContent = rate === "1" ? "1 analysis/s" : `${rate} analyses/s`;
    }
    this.#canvas.setAttribute("aria-label", fresh ? `${this.name}: ${spoken(this.#people)}` : `${this.name}: ${head}`);
    return fresh;
  }

  #count() {
    const people = Object.entries(this.#people).filter(([, count]) => count);
    this.#chips.replaceChildren(...people.map(([state, count]) => el("span", { class: `chip ${state}`, title: STATES[state].words }, `${STATES[state].words} ${count}`)));
  }
}

/** Draw a zone's edge and name on a picture; its corners are shares of width and height. */
function outline(ink, zone, corners) {
  const { width, height } = ink.canvas, unit = Math.max(1, height / 360), points = corners.map(([x, y]) => [x * width, y * height]);
  ink.beginPath();
  for (const [x, y] of points) ink.lineTo(x, y);
  ink.closePath();
  const [left, top] = points.reduce((best, point) => (point[1] < best[1] || (point[1] === best[1] && point[0] < best[0]) ? point : best));
  ink.font = `600 ${Math.round(12 * unit)}px system-ui, sans-serif`;
  ink.textBaseline = "top";
  for (const [colour, wide] of [["#000b", 3.5 * unit], ["#fff", 1.5 * unit]]) {
    ink.strokeStyle = colour; ink.lineWidth = wide; ink.setLineDash(colour === "#fff" ? [8 * unit, 5 * unit] : []); ink.stroke();
    ink.setLineDash([]);
    if (colour === "#fff") { ink.fillStyle = colour; ink.fillText(zone, left + 6 * unit, top + 6 * unit); }
    else ink.strokeText(zone, left + 6 * unit, top + 6 * unit);
  }
}

const age = (ms) => (ms < 1000 ? `${Math.max(0, Math.round(ms / 10) * 10)} ms` : `${(ms / 1000).toFixed(1)} s`);

function spoken(people) {
  const words = Object.entries(people).filter(([, count]) => count).map(([state, count]) => `${STATES[state].words} ${count}`);
  return words.length ? words.join(", ") : "nobody in view";
}

const CONDITIONS = { starting: "Starting", stale: "No fresh picture", lost: "Camera lost", fault: "Fault", degraded: "Degraded", live: "Live" };

function why(camera, connected, ageMs, current, nowMs) {
  const old = ageMs === null ? "" : `picture is ${duration(ageMs / 1000)} old`;
  if (!connected) return ["No connection to the monitor", old];
  if (!camera) return ["Waiting for the camera", ""];
  if (!current) return [`${CONDITIONS[camera.condition]} for ${duration((nowMs - camera.since_ms) / 1000)}`, sentence(camera)];
  return [ageMs === null ? "Waiting for a picture" : "No fresh picture", old];
}
