// What a visitor sees: the monitor's verdict in large. It is grey whenever the verdict or the picture is not of now.
import { base, explained, kept } from "./core.js";
import { Live } from "./live.js";

const NOTICE_MS = 1500, RENEW_MS = 5 * 60 * 1000;
const texts = JSON.parse(document.getElementById("texts").textContent);
const camera = document.body.dataset.camera, kiosk = document.getElementById("kiosk");
const canvas = document.getElementById("picture"), sign = document.getElementById("sign"), ageLine = document.getElementById("age");
const headline = document.getElementById("headline"), line = document.getElementById("line");
const staff = document.getElementById("staff");
const language = document.getElementById("language"), voice = document.getElementById("voice");
const live = new Live();
let wording = null, verdict = "starting", heardMs = -Infinity, capturedMs = null, staleAfterMs = 0, refused = false, speaking = false, shown = "", spoken = "", drawing = false, drawn = false;

// The words come with the page, and the signs are fetched beforehand: "out of order" must be said without a network.
const signs = new Map(Object.keys(texts.paints).map((name) => [name, `${base}/api/v1/kiosk/signs/${name}.png`]));
for (const [name, address] of signs) {
  fetch(address).then((response) => response.blob()).then((blob) => signs.set(name, URL.createObjectURL(blob))).catch(() => {});
}

function choose(next) {
  wording = next;
  kept.set("language", next.code);
  document.documentElement.lang = next.code;
  document.documentElement.dir = next.direction;
  language.textContent = next.name;
  shown = "";
  show();
}

live.addEventListener("kiosk", ({ detail }) => { refused = false; verdict = detail.verdict; staleAfterMs = detail.stale_after_ms ?? staleAfterMs; heardMs = performance.now(); show(); });
live.addEventListener("picture", async ({ detail }) => {
  capturedMs = detail.captured_ms;
  if (drawing || (detail.stale && drawn)) return;
  drawing = true;
  try {
    const bitmap = await createImageBitmap(detail.jpeg);
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) { canvas.width = bitmap.width; canvas.height = bitmap.height; }
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    drawn = true;
  } finally { drawing = false; }
});
const message = staff.textContent;
live.addEventListener("connection", ({ detail }) => {
  staff.textContent = detail.refused ? explained({ detail: detail.refused }) : message;
  show();
});
// The session has ended or the kiosk's token was removed: visitors are not shown a login form, and staff are told.
live.addEventListener("login", (event) => { event.preventDefault(); refused = true; show(); });
// A page that stays open keeps its session or its token.
setInterval(() => fetch(`${base}/api/v1/kiosk/renew`, { method: "POST" }).catch(() => {}), RENEW_MS);
setInterval(show, 200);

function show() {
  const ageMs = capturedMs === null ? null : live.now() - capturedMs;
  const silent = !live.connected || performance.now() - heardMs > NOTICE_MS;
  const old = ageMs !== null && !(Math.abs(ageMs) <= staleAfterMs);
  // A verdict without a picture of now is no verdict.
  const judged = !["starting", "out_of_order"].includes(verdict);
  const now = refused ? "out_of_order" : silent && heardMs === -Infinity ? "starting" : silent || (judged && (ageMs === null || old)) ? (ageMs === null && !silent ? "starting" : "out_of_order") : verdict;
  const grey = now === "starting" || now === "out_of_order";
  kiosk.classList.toggle("grey", grey);
  staff.hidden = !refused && !live.refused;
  ageLine.textContent = ageMs === null ? "" : grey && old ? wording.old.replace("{seconds}", Math.round(ageMs / 1000)) : `${camera}  ${(Math.max(0, ageMs) / 1000).toFixed(1)} s`;
  const key = `${now} ${wording.code}`;
  if (key === shown) return;
  shown = key;
  kiosk.dataset.verdict = now;
  const words = wording.verdicts[now], paint = texts.paints[now];
  kiosk.style.setProperty("--ground", paint.ground);
  kiosk.style.setProperty("--ink", paint.ink);
  document.body.style.background = paint.ground;
  sign.src = signs.get(now);
  headline.textContent = words.headline;
  line.textContent = words.line;
  say(now, words);
}

function say(now, words) {
  if (!speaking || !["go", "put_on", "cover", "step_back"].includes(now) || now === spoken) { if (now === "idle") spoken = ""; return; }
  spoken = now;
  speechSynthesis.cancel();
  const utterance = new SpeechSynthesisUtterance(`${words.headline}. ${words.line}.`);
  utterance.lang = wording.code;
  speechSynthesis.speak(utterance);
}

function nextLanguage() { choose(texts.languages[(texts.languages.indexOf(wording) + 1) % texts.languages.length]); }
function toggleVoice() { speaking = !speaking && "speechSynthesis" in window; voice.setAttribute("aria-pressed", String(speaking)); }
function toggleFull() { if (document.fullscreenElement) document.exitFullscreen(); else document.documentElement.requestFullscreen(); }

language.addEventListener("click", nextLanguage);
voice.addEventListener("click", toggleVoice);
kiosk.addEventListener("dblclick", toggleFull);
document.addEventListener("pointerdown", () => { document.body.classList.add("touched"); setTimeout(() => document.body.classList.remove("touched"), 4000); });
document.addEventListener("keydown", (event) => {
  if (event.key === "l") nextLanguage();
  else if (event.key === "f") toggleFull();
  else if (event.key === "v") toggleVoice();
});
if ("wakeLock" in navigator) {
  const stayAwake = () => navigator.wakeLock.request("screen").catch(() => {}); // a tablet may refuse when low on battery
  stayAwake();
  document.addEventListener("visibilitychange", () => { if (!document.hidden) stayAwake(); });
}

const asked = new URLSearchParams(location.search).get("language") ?? kept.get("language") ?? texts.language;
choose(texts.languages.find((one) => one.code === asked) ?? texts.languages[0]);
live.watch({ [camera]: { width: 640, mirrored: texts.mirror, words: false } });
live.kiosk(camera);
