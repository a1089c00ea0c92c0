// How everything is, every two seconds.
import { api, duration, el, failed } from "./core.js";
import { Live } from "./live.js";

const place = document.getElementById("health"), well = document.getElementById("well");
const live = new Live();
live.addEventListener("cameras", ({ detail }) => live.watch(Object.fromEntries(detail.cameras.slice(0, 1).map((camera) => [camera.name, { width: 320 }]))), { once: true });

async function load() {
  try { show(await api("/health")); } catch (error) { well.className = "pill bad"; well.textContent = "No answer"; failed(error); }
}

function show(health) {
  well.className = `pill ${health.healthy ? "good" : "bad"}`;
  well.textContent = health.healthy ? "All is well" : health.reasons.join("; ") || "Something has failed";
  const box = (title, big, under) => el("section", { class: "figure third" }, el("h2", {}, title), el("div", { class: "big" }, big), el("p", { class: "under" }, under));
  const up = (live.now() - Date.parse(health.started_at)) / 1000;
  place.replaceChildren(
    el("div", { class: "figures" },
      box("Looks", health.cameras.reduce((sum, camera) => sum + camera.analyses_per_s, 0).toFixed(0), "a second, all cameras together"),
      box("Disk free", health.disk_free_mb === null ? "–" : `${(health.disk_free_mb / 1024).toFixed(1)} GB`, health.disk_used_share === null ? "" : `${Math.round(100 * health.disk_used_share)} % of the disk is used`),
      box("Memory", `${health.memory_mb.toFixed(0)} MB`, `running for ${duration(up)}`)),
    el("h2", {}, "Cameras"),
    table(["Camera", "Condition", "Frames/s", "Looks/s", "Latency p50 / p95 / p99", "Skipped", "Superseded", "Late", "Corrupt", "Failed"], health.cameras.map((camera) => [
      el("a", { href: `/cameras/${encodeURIComponent(camera.name)}` }, camera.name),
      el("span", { class: "condition", title: camera.detail }, el("i", { class: `dot ${camera.condition}` }), `${camera.condition}${camera.cause ? ` (${camera.cause.replaceAll("_", " ")})` : ""}, ${duration((live.now() - camera.since_ms) / 1000)}`),
      camera.fps.toFixed(1), `${camera.analyses_per_s.toFixed(1)}${camera.given_per_s !== null ? ` (limit ${camera.given_per_s.toFixed(1)})` : ""}`,
      camera.latency_ms.p50 === undefined ? "–" : ["p50", "p95", "p99"].map((key) => camera.latency_ms[key].toFixed(0)).join(" / ") + " ms",
      camera.drops.skipped, camera.drops.superseded, camera.drops.late, camera.drops.corrupt, camera.drops.failed])),
    el("h2", {}, "Who watches"),
    table(["Who", "Pictures/s", "Age on arrival p50 / p95"], health.viewers.map((viewer) => [viewer.who, viewer.per_s ?? "–", viewer.p95_ms === null ? "–" : `${viewer.p50_ms} / ${viewer.p95_ms} ms`])),
    el("h2", {}, "Program"),
    table(["Version", "Model", "Backend", "SHA-256"], [[health.version, health.model, `${health.backend}, ${health.device}`, el("code", {}, health.model_sha256.slice(0, 16))]]),
    el("p", { class: "hint" }, "For programs: ", el("a", { href: "/healthz" }, "/healthz"), ", ", el("a", { href: "/metrics" }, "/metrics"), " (Prometheus), ", el("a", { href: "/docs" }, "the API"), "."));
}

function table(header, rows) {
  const kind = (index, text) => (index > 1 || /\/s/.test(text) ? "number" : undefined);
  return el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...header.map((text, index) => el("th", { class: kind(index, text) }, text)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((value, index) => el("td", { class: kind(index, header[index]) }, value instanceof Node ? value : String(value))))))));
}

load();
setInterval(load, 2000);
