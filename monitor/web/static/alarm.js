// The desk's sound and notifications, for new incidents and for cameras that go down.
import { STATES, base, kept, toast } from "./core.js";
import { isDown, problem } from "./causes.js";
import { live } from "./connection.js";

// A camera that comes and goes is heard once in a while, not at every turn.
const AGAIN_AFTER_MS = 60_000, NEW_FOR_MS = 60_000;
const RISING = [[0, 660], [0.18, 880]], FALLING = [[0, 587], [0.22, 392]];
const sound = document.getElementById("sound"), notify = document.getElementById("notify"), silent = document.getElementById("silent");
const told = new Set(), heard = new Map();
let audio = null, down = null;

const isOn = (button) => button.getAttribute("aria-pressed") === "true";

function turn(button, on) {
  button.setAttribute("aria-pressed", String(on));
  kept.set(button.id, on ? "on" : "off");
}

function tellIfSilent() { silent.hidden = !isOn(sound) || audio?.state === "running"; }

function wake() {
  if (!audio) { audio = new AudioContext(); audio.addEventListener("statechange", tellIfSilent); }
  return audio.resume();
}

sound.addEventListener("click", async () => {
  turn(sound, !isOn(sound));
  if (isOn(sound)) { await wake(); play(RISING); }
  tellIfSilent();
});
notify.addEventListener("click", async () => {
  if (!("Notification" in window)) { toast("This browser cannot show notifications here.", true); return; }
  if (!isOn(notify) && (await Notification.requestPermission()) !== "granted") { toast("Notifications are blocked. Allow them in the browser's settings for this page.", true); return; }
  turn(notify, !isOn(notify));
});

// Browsers play nothing before somebody has touched the page.
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => { if (isOn(sound)) wake(); }, true);
if (kept.get("sound") === "on") { turn(sound, true); wake(); tellIfSilent(); }
if (kept.get("notify") === "on" && "Notification" in window && Notification.permission === "granted") turn(notify, true);

function alarm(tones, text, tag) {
  if (isOn(sound)) play(tones);
  if (isOn(notify)) new Notification(text, { tag, icon: `${base}/static/mark.svg` });
}

live.addEventListener("incident", ({ detail: { incident } }) => {
  const isNew = incident.ended === null && !incident.acknowledged && !incident.decision && live.now() - Date.parse(incident.opened_at) < NEW_FOR_MS;
  if (!isNew || told.has(incident.number)) return;
  told.add(incident.number);
  alarm(RISING, `${STATES[incident.state].words} · ${incident.camera}`, `incident-${incident.number}`);
});

live.addEventListener("cameras", ({ detail }) => {
  const now = performance.now(), before = down;
  down = new Set(detail.cameras.filter((camera) => isDown(camera) || (camera.condition === "starting" && before?.has(camera.name))).map((camera) => camera.name));
  if (before === null) return;
  for (const camera of detail.cameras) {
    if (down.has(camera.name) === before.has(camera.name)) continue;
    if (!down.has(camera.name)) { toast(`${camera.name} is back`); continue; }
    toast(problem(camera), true);
    if (now - (heard.get(camera.name) ?? -Infinity) < AGAIN_AFTER_MS) continue;
    heard.set(camera.name, now);
    alarm(FALLING, problem(camera), `camera-${camera.name}`);
  }
});

function play(tones) {
  if (audio?.state !== "running") return;
  for (const [after, hertz] of tones) {
    const tone = audio.createOscillator(), volume = audio.createGain(), start = audio.currentTime + after;
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.25, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.3);
    tone.connect(volume).connect(audio.destination);
    tone.start(start); tone.stop(start + 0.32);
  }
}
