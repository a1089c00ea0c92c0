// One camera, large.
import { api, duration, el, failed } from "./core.js";
import { Card, nothing } from "./cards.js";
import { sentence } from "./causes.js";
import { live } from "./connection.js";
import { Tile } from "./tile.js";

const main = document.getElementById("main"), name = main.dataset.camera, mayReview = main.dataset.review === "yes";
const tile = new Tile(name, "div"), list = document.getElementById("incidents"), facts = document.getElementById("facts");
const cards = new Map();
document.getElementById("large").append(tile.node);

function watch() {
  const pixels = tile.node.clientWidth * devicePixelRatio;
  live.watch({ [name]: { width: pixels > 1000 ? 1280 : pixels > 660 ? 960 : 640 } });
}
new ResizeObserver(watch).observe(tile.node);
live.addEventListener("cameras", ({ detail }) => { tile.take(detail.cameras.find((camera) => camera.name === name) ?? null); });
live.addEventListener("picture", ({ detail }) => tile.picture(detail));
live.addEventListener("incident", ({ detail: { incident } }) => {
  if (incident.camera !== name) return;
  const known = cards.get(incident.number);
  if (known) { known.update(incident); return; }
  const card = new Card(incident, mayReview);
  cards.set(incident.number, card);
  list.querySelector(".empty")?.remove();
  list.prepend(card.node);
});
setInterval(() => { tile.show(live.now(), live.connected); }, 250);
setInterval(() => { for (const card of cards.values()) if (card.incident.ended === null) card.tick(live.now()); }, 1000);

async function health() {
  try {
    const camera = (await api("/health")).cameras.find((one) => one.name === name);
    if (!camera) { facts.replaceChildren(el("dt", {}, "This camera is not being watched.")); return; }
    tile.zones = camera.zones;
    const rows = [
      ["Condition", `${camera.condition} for ${duration((live.now() - camera.since_ms) / 1000)}`],
      ...(camera.cause ? [["Problem", sentence(camera)]] : []),
      ...(camera.detail ? [["Detail", camera.detail]] : []),
      ["Source", camera.source],
      ["Frames/s", camera.fps.toFixed(1)],
      ["Analyses/s", `${camera.analyses_per_s.toFixed(1)} of ${camera.wanted_per_s ?? "all"}`],
      ["Latency p50 / p95", camera.latency_ms.p50 === undefined ? "–" : `${camera.latency_ms.p50.toFixed(0)} / ${camera.latency_ms.p95.toFixed(0)} ms`],
      ["Zones", Object.keys(camera.zones).join(", ") || "whole picture"],
      ["Superseded, late", `${camera.drops.superseded}, ${camera.drops.late}`],
      ["Corrupt, failed", `${camera.drops.corrupt}, ${camera.drops.failed}`],
      ["Picture age, p95", live.seen ? `${live.seen.p95_ms} ms` : "–"],
    ];
    facts.replaceChildren(...rows.flatMap(([label, value]) => [el("dt", {}, label), el("dd", {}, value)]));
  } catch (error) { failed(error); }
}
health();
setInterval(health, 2000);

try {
  const found = await api(`/incidents?camera=${encodeURIComponent(name)}&most=20`);
  for (const incident of found) cards.set(incident.number, new Card(incident, mayReview));
  list.replaceChildren(...(found.length ? [...cards.values()].map((card) => card.node) : [nothing("No incidents yet.")]));
} catch (error) { failed(error); }
