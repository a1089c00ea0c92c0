// The wall, and the incidents as they come.
import { STATES, api, el, failed, kept, toast } from "./core.js";
import { Card, acknowledge, judge, nothing } from "./cards.js";
import { Live } from "./live.js";
import { Tile } from "./tile.js";

const MOST_CARDS = 80, RATIO = 16 / 9, GAP_PX = 10;
const main = document.getElementById("main"), wall = document.getElementById("wall"), list = document.getElementById("incidents");
const mayJudge = main.dataset.judge === "yes";
const live = new Live(), tiles = new Map(), cards = new Map();
let show = "new", sound = false, notify = false, audio = null;

// --- The wall ---

function layOut() {
  const count = tiles.size;
  if (!count) return;
  if (matchMedia("(max-width: 900px)").matches) {
    wall.style.gridTemplateColumns = count > 1 && wall.clientWidth > 500 ? "1fr 1fr" : "1fr";
    for (const tile of tiles.values()) { tile.node.style.width = ""; tile.node.style.aspectRatio = "16 / 9"; tile.node.style.height = ""; }
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
    for (const tile of tiles.values()) { tile.node.style.aspectRatio = ""; tile.node.style.width = `${side}px`; tile.node.style.height = `${Math.floor(side / RATIO)}px`; }
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

live.addEventListener("cameras", ({ detail }) => {
  const names = detail.cameras.map((camera) => camera.name);
  if (names.join("\n") !== [...tiles.keys()].join("\n")) {
    const old = new Map(tiles);
    tiles.clear();
    for (const name of names) tiles.set(name, old.get(name) ?? new Tile(name));
    wall.replaceChildren(...[...tiles.values()].map((tile) => tile.node));
    if (!names.length) wall.append(el("p", { class: "empty" }, "You see no camera. Ask an admin for a role that does."));
    layOut();
  }
  for (const camera of detail.cameras) tiles.get(camera.name).take(camera);
  refresh();
});
live.addEventListener("picture", ({ detail }) => tiles.get(detail.camera)?.picture(detail));
live.addEventListener("connection", ({ detail }) => { offline(!detail.connected); refresh(); if (detail.connected) load(); });
new ResizeObserver(layOut).observe(wall);
setInterval(refresh, 250);

function refresh() { const now = live.now(); for (const tile of tiles.values()) tile.show(now, live.connected); }

function offline(is) {
  document.querySelector(".offline")?.remove();
  if (is) document.body.append(el("div", { class: "offline", role: "alert" }, "No connection to the monitor; trying again"));
}

// --- Incidents ---

const fits = (incident) => show === "all" || (show === "open" ? incident.ended === null : !incident.decision && !incident.acknowledged);

async function load() {
  const query = { new: "?review=no", open: "?open=true", all: "?" }[show];
  try {
    const found = await api(`/incidents${query}&most=${MOST_CARDS}`);
    const known = new Map(cards);
    cards.clear();
    for (const incident of found) {
      const card = known.get(incident.number);
      card?.update(incident);
      cards.set(incident.number, card ?? new Card(incident, mayJudge));
    }
    lay();
  } catch (error) { failed(error); }
}

/** Show the cards in their order; who is at one of them with the keyboard stays there. */
function lay() {
  const held = document.activeElement?.closest?.(".card");
  const nodes = [...cards.values()].map((card) => card.node);
  list.replaceChildren(...(nodes.length ? nodes : [nothing(show === "new" ? "Nothing to judge." : show === "open" ? "No open incident." : "No incident yet.")]));
  if (nodes.length && !nodes.some((node) => node.tabIndex === 0)) nodes[0].tabIndex = 0;
  if (held && list.contains(held)) held.focus();
}

live.addEventListener("incident", ({ detail: { incident } }) => {
  const known = cards.get(incident.number);
  if (known) { known.update(incident); if (show === "open" && incident.ended !== null) { cards.delete(incident.number); lay(); } return; }
  if (!fits(incident) || incident.ended !== null) return;
  const older = [...cards];
  cards.clear();
  const card = new Card(incident, mayJudge);
  cards.set(incident.number, card);
  for (const [number, other] of older.slice(0, MOST_CARDS - 1)) cards.set(number, other);
  card.node.classList.add("fresh");
  const focused = document.activeElement?.closest?.(".card");
  list.querySelector(".empty")?.remove();
  list.prepend(card.node);
  while (list.children.length > MOST_CARDS) list.lastElementChild.remove();
  if (!focused) card.node.tabIndex = 0;
  alarm(incident);
});
setInterval(() => { for (const card of cards.values()) if (card.incident.ended === null) card.tick(live.now()); }, 1000);

for (const tab of document.querySelectorAll("[data-show]")) {
  tab.addEventListener("click", () => {
    show = tab.dataset.show;
    for (const other of document.querySelectorAll("[data-show]")) other.setAttribute("aria-pressed", String(other === tab));
    load();
  });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const nodes = [...list.querySelectorAll(".card")];
  const index = nodes.indexOf(document.activeElement?.closest?.(".card"));
  const card = cards.get(Number(nodes[index]?.dataset.number));
  const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  if (step !== undefined && nodes.length) {
    const next = nodes[index < 0 ? 0 : Math.min(nodes.length - 1, Math.max(0, index + step))];
    for (const node of nodes) node.tabIndex = node === next ? 0 : -1;
    next.focus(); event.preventDefault();
  } else if (card && event.target === card.node) {
    if (event.key === "a" && mayJudge) card.say(acknowledge);
    else if (event.key === "r" && mayJudge) card.say((n) => judge(n, "confirmed"));
    else if (event.key === "f" && mayJudge) card.ask();
    else if (event.key === "Enter") location.assign(`/incidents/${card.incident.number}`);
    else return;
    event.preventDefault();
  } else if (card && event.key === "Escape") { card.update(card.incident); card.node.focus(); }
});

// --- Sound and notifications ---

const soundButton = document.getElementById("sound"), notifyButton = document.getElementById("notify");
soundButton.addEventListener("click", () => {
  sound = !sound;
  soundButton.setAttribute("aria-pressed", String(sound));
  kept.set("sound", sound ? "on" : "off");
  if (sound) { audio ??= new AudioContext(); audio.resume(); chime(); }
});
notifyButton.addEventListener("click", async () => {
  if (!("Notification" in window)) { toast("This browser has no notifications here.", true); return; }
  if (!notify && (await Notification.requestPermission()) !== "granted") { toast("The browser does not allow notifications.", true); return; }
  notify = !notify;
  notifyButton.setAttribute("aria-pressed", String(notify));
});
document.getElementById("full").addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()));

function alarm(incident) {
  if (sound) chime();
  if (notify) new Notification(`${STATES[incident.state].words} · ${incident.camera}`, { tag: `incident-${incident.number}`, icon: "/static/mark.svg" });
}

function chime() {
  for (const [after, hertz] of [[0, 660], [0.18, 880]]) {
    const tone = audio.createOscillator(), volume = audio.createGain(), start = audio.currentTime + after;
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.25, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.3);
    tone.connect(volume).connect(audio.destination);
    tone.start(start); tone.stop(start + 0.32);
  }
}

load();
