// The header's badge for cameras that are down, on every page.
import { isDown, problem } from "./causes.js";
import { live } from "./connection.js";

const badge = document.getElementById("down");

live.addEventListener("cameras", ({ detail }) => {
  const down = detail.cameras.filter(isDown), lost = down.every((camera) => camera.condition === "lost");
  const cameras = down.length === 1 ? "1 camera" : `${down.length} cameras`;
  const text = lost ? `${cameras} lost` : `${cameras} ${down.length === 1 ? "needs" : "need"} attention`;
  badge.hidden = !down.length;
  if (badge.textContent !== text) badge.textContent = text;
  badge.title = down.map(problem).join("\n");
});
