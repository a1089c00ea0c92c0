// The cameras on the desk: a wall that fits the screen, a strip above the incidents on a narrow one.
import { el } from "./core.js";
import { live } from "./connection.js";
import { Tile } from "./tile.js";

const RATIO = 16 / 9, GAP_PX = 10;
const wall = document.getElementById("wall"), tiles = new Map(), narrow = matchMedia("(max-width: 900px)");

function layOut() {
  const count = tiles.size;
  if (!count) return;
  if (narrow.matches) {
    wall.style.gridTemplateColumns = "";
    for (const tile of tiles.values()) { tile.node.style.width = ""; tile.node.style.height = ""; }
  } else {
    const width = wall.clientWidth - 20, height = wall.clientHeight - 20;
    let best = { side: 0, columns: 1 };
    for (let columns = 1; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      const side = Math.min((width - GAP_PX * (columns - 1)) / columns, ((height - GAP_PX * (rows - 1)) / rows) * RATIO);
      if (side > best.side) best = { side, columns };
    }
    const side = Math.max(160, Math.floor(best.side));
    wall.style.gridTemplateColumns = `repeat(${best.columns}, ${side}px)`;
    for (const tile of tiles.values()) { tile.node.style.width = `${side}px`; tile.node.style.height = `${Math.floor(side / RATIO)}px`; }
  }
  watch();
}

let watched = "";
function watch() {
  const wanted = {};
  for (const [name, tile] of tiles) {
    // On a wall of many, a picture of half the pixels is enough for the eye and for the machine.
    const pixels = tile.node.clientWidth * devicePixelRatio;
    wanted[name] = { width: tiles.size > 9 ? 320 : tiles.size > 1 ? 480 : pixels > 700 ? 960 : 640 };
  }
  const text = JSON.stringify(wanted);
  if (text !== watched) { watched = text; live.watch(wanted); }
}

function refresh() { const now = live.now(); for (const tile of tiles.values()) tile.show(now, live.connected); }

live.addEventListener("cameras", ({ detail }) => {
  const names = detail.cameras.map((camera) => camera.name);
  if (names.join("\n") !== [...tiles.keys()].join("\n") || !wall.childElementCount) {
    const old = new Map(tiles);
    tiles.clear();
    for (const name of names) tiles.set(name, old.get(name) ?? new Tile(name));
    wall.replaceChildren(...[...tiles.values()].map((tile) => tile.node));
    wall.classList.toggle("one", names.length === 1);
    if (!names.length) wall.append(el("p", { class: "empty" }, "No cameras to show. Add one in config.yaml, or ask an admin for access."));
    layOut();
  }
  for (const camera of detail.cameras) tiles.get(camera.name).take(camera);
  refresh();
});
live.addEventListener("picture", ({ detail }) => tiles.get(detail.camera)?.picture(detail));
live.addEventListener("connection", refresh);
new ResizeObserver(layOut).observe(wall);
setInterval(refresh, 250);
