// Banners on the desk: no connection, warnings before they become faults, and sample data.
import { base, el, kept } from "./core.js";
import { live } from "./connection.js";

const place = document.getElementById("notices"), mayAct = document.getElementById("main").dataset.review === "yes";
const dismissed = new Set(JSON.parse(kept.get("dismissed") ?? "[]"));
let warnings = [], samples = false, shown = "";

function banner(kind, key, ...content) {
  const dismiss = () => { dismissed.add(key); kept.set("dismissed", JSON.stringify([...dismissed].slice(-50))); node.remove(); };
  const node = el("div", { class: `banner ${kind}`, "data-key": key }, el("p", {}, ...content), el("button", { type: "button", class: "quiet", onclick: dismiss }, "Dismiss"));
  return node;
}

function show() {
  const state = JSON.stringify([warnings, samples]);
  if (state === shown) return; // nothing is read out or redrawn a second time
  shown = state;
  place.replaceChildren(
    ...warnings.filter(([key]) => !dismissed.has(key)).map(([key, text]) => banner("warning", key, text)),
    ...(samples && !dismissed.has("sample") ? [banner("sample", "sample", "This is sample data; add a camera in ", el("code", {}, "config.yaml"), " to start. ", el("a", { href: `${base}/docs#add-a-camera` }, "How to add a camera"))] : []));
}

live.addEventListener("warnings", ({ detail }) => {
  warnings = mayAct ? detail.warnings.map((one) => [`${one.code} ${one.since}`, one.text]) : [];
  show();
});
live.addEventListener("cameras", ({ detail }) => {
  samples = detail.cameras.length > 0 && detail.cameras.every((camera) => camera.sample);
  show();
});

live.addEventListener("connection", ({ detail }) => {
  document.querySelector(".offline")?.remove();
  if (!detail.connected && !detail.refused) document.body.append(el("div", { class: "offline", role: "alert" }, "Connection to the monitor lost. Reconnecting…"));
});
