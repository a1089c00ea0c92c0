// Choose, drop, paste or take a photo; see what is found in it.
import { STATES, base, el, explained, sign, toast } from "./core.js";

const drop = document.getElementById("drop"), file = document.getElementById("file"), result = document.getElementById("result");
const shutter = document.getElementById("shutter"), video = document.getElementById("video");
const most = Number(document.getElementById("main").dataset.mostMb);
let stream = null;

function refuse(text) { result.replaceChildren(el("p", { class: "empty wrong" }, text)); }

async function check(picture, name) {
  // A monitor that refuses a large upload hangs up before the browser has read why.
  if (picture.size > most * 2 ** 20) { refuse(`The photo has ${(picture.size / 2 ** 20).toFixed(1)} MB; the limit is ${most} MB.`); return; }
  result.replaceChildren(el("p", { class: "empty" }, "Checking…"));
  const form = new FormData();
  form.set("image", picture, name || "picture");
  try {
    const response = await fetch(`${base}/predict`, { method: "POST", body: form });
    const body = await response.json().catch(() => null);
    if (!response.ok) { refuse(explained(body) || `The monitor rejected the photo (${response.status}).`); return; }
    show(body, name);
  } catch { refuse("The monitor is not responding."); }
}

function show(body, name) {
  drop.classList.add("small");
  const address = `data:image/jpeg;base64,${body.image}`;
  const counts = Object.entries(STATES).map(([state, { words }]) => [words, body.detections.filter((face) => face.state === state).length]).filter(([, count]) => count);
  result.replaceChildren(
    el("img", { src: address, alt: counts.map(([words, count]) => `${words} ${count}`).join(", ") || "no face found", width: body.width_px, height: body.height_px }),
    el("div", {},
      el("h2", {}, body.detections.length ? `${body.detections.length} ${body.detections.length === 1 ? "face" : "faces"}` : "No face found"),
      el("ul", { class: "faces" }, ...body.detections.map((face) => el("li", {}, sign(face.state), STATES[face.state].words, el("span", { class: "score" }, `${Math.round(100 * face.score)}%`)))),
      body.note ? el("p", { class: "hint" }, `Note: ${body.note}.`) : null,
      body.detections.length ? null : el("p", { class: "hint" }, "Very small, dark or turned-away faces are not detected."),
      el("p", { class: "actions" }, el("a", { class: "button", href: address, download: `${(name || "picture").replace(/\.[^.]*$/, "")}-checked.jpg` }, "Download"))));
}

file.addEventListener("change", () => { if (file.files[0]) check(file.files[0], file.files[0].name); file.value = ""; });
// Anywhere on the page: a picture dropped beside the frame would take the browser away from here.
for (const kind of ["dragenter", "dragover"]) document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => { event.preventDefault(); const picture = event.dataTransfer.files[0]; if (picture) check(picture, picture.name); });
document.addEventListener("paste", (event) => { const picture = [...event.clipboardData.files][0]; if (picture) check(picture, picture.name); });

document.getElementById("take").addEventListener("click", async () => {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } } });
    video.srcObject = stream;
    await video.play();
    shutter.hidden = false;
  } catch { toast("The browser has no camera it may use. Connect one, or allow access to it.", true); }
});
document.getElementById("shoot").addEventListener("click", () => {
  const canvas = el("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  close();
  canvas.toBlob((blob) => check(blob, "camera.jpg"), "image/jpeg", 0.92);
});
document.getElementById("cancel").addEventListener("click", close);

function close() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  shutter.hidden = true;
}
