// On every page: the header's badge for cameras that are down, and why the monitor refuses the page's address.
import { isDown, problem } from "./causes.js";
import { live } from "./connection.js";
import { el, explained } from "./core.js";

const badge = document.getElementById("down");

live.addEventListener("cameras", ({ detail }) => {
  const down = detail.cameras.filter(isDown), lost = down.every((camera) => camera.condition === "lost");
  const cameras = down.length === 1 ? "1 camera" : `${down.length} cameras`;
  const text = lost ? `${cameras} lost` : `${cameras} ${down.length === 1 ? "needs" : "need"} attention`;
  badge.hidden = !down.length;
  if (badge.textContent !== text) badge.textContent = text;
  badge.title = down.map(problem).join("\n");
});

live.addEventListener("connection", ({ detail: { refused } }) => {
  document.getElementById("refused")?.remove();
  if (!refused) return;
  const place = document.getElementById("notices") ?? document.getElementById("main");
  place.prepend(el("div", { id: "refused", class: "banner warning", role: "alert" },
    el("p", {}, el("b", {}, "The monitor refuses live pictures at this address. "), explained({ detail: refused }))));
});
