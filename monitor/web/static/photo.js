// Choose, drop, paste or take a picture; see it judged.
import { STATES, el, explained, sign, toast } from "./core.js";

const drop = document.getElementById("drop"), file = document.getElementById("file"), result = document.getElementById("result");
const shutter = document.getElementById("shutter"), video = document.getElementById("video");
const most = Number(document.getElementById("main").dataset.mostMb);
let stream = null;

function refuse(text) { result.replaceChildren(el("p", { class: "empty wrong" }, text)); }

async function judge(picture, name) {
  // A monitor that refuses a large upload hangs up before the browser has read why.
  if (picture.size > most * 2 ** 20) { refuse(`The picture has ${(picture.size / 2 ** 20).toFixed(1)} MB; at most ${most} MB are taken.`); return; }
  result.replaceChildren(el("p", { class: "empty" }, "Looking …"));
  const form = new FormData();
  form.set("image", picture, name || "picture");
  try {
    const response = await fetch("/predict", { method: "POST", body: form });
    const body = await response.json().catch(() => null);
    if (!response.ok) { refuse(explained(body) || `The monitor refused (${response.status}).`); return; }
    show(body, name);
  } catch { refuse("The monitor does not answer."); }
}

function show(body, name) {
  drop.classList.add("small");
  const address = `data:image/jpeg;base64,${body.image}`;
  const counts = Object.entries(STATES).map(([state, { words }]) => [words, body.detections.filter((face) => face.state === state).length]).filter(([, count]) => count);
  result.replaceChildren(
    el("img", { src: address, alt: counts.map(([words, count]) => `${words} ${count}`).join(", ") || "no face found", width: body.width_px, height: body.height_px }),
    el("div", {},
      el("h2", {}, body.detections.length ? `${body.detections.length} ${body.detections.length === 1 ? "face" : "faces"}` : "No face was found"),
      el("ul", { class: "faces" }, ...body.detections.map((face) => el("li", {}, sign(face.state), STATES[face.state].words, el("span", { class: "score" }, `${Math.round(100 * face.score)} %`)))),
      body.detections.length ? null : el("p", { class: "hint" }, "Faces that are very small, dark or turned away are not found."),
      el("p", { class: "actions" }, el("a", { class: "button", href: address, download: `${(name || "picture").replace(/\.[^.]*$/, "")}-judged.jpg` }, "Download"))));
}

file.addEventListener("change", () => { if (file.files[0]) judge(file.files[0], file.files[0].name); file.value = ""; });
// Anywhere on the page: a picture dropped beside the frame would take the browser away from here.
for (const kind of ["dragenter", "dragover"]) document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
document.addEventListener("drop", () => drop.classList.remove("over"));
document.addEventListener("drop", (event) => { event.preventDefault(); const picture = event.dataTransfer.files[0]; if (picture) judge(picture, picture.name); });
document.addEventListener("paste", (event) => { const picture = [...event.clipboardData.files][0]; if (picture) judge(picture, picture.name); });

document.getElementById("take").addEventListener("click", async () => {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } } });
    video.srcObject = stream;
    await video.play();
    shutter.hidden = false;
  } catch { toast("There is no camera that the browser may use.", true); }
});
document.getElementById("shoot").addEventListener("click", () => {
  const canvas = el("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  close();
  canvas.toBlob((blob) => judge(blob, "camera.jpg"), "image/jpeg", 0.92);
});
document.getElementById("cancel").addEventListener("click", close);

function close() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  shutter.hidden = true;
}
