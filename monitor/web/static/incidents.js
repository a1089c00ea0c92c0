// Searching incidents; the address holds the search, so that it can be kept and sent.
import { api, base, el, failed } from "./core.js";
import { Card, nothing } from "./cards.js";

const MOST = 60;
const main = document.getElementById("main"), form = document.getElementById("search"), list = document.getElementById("incidents"), more = document.getElementById("more");
const mayReview = main.dataset.review === "yes";
let last = null, asked = 0;

function query() {
  const wanted = new URLSearchParams();
  for (const [key, value] of new FormData(form)) {
    if (value) wanted.set(key, key === "since" || key === "until" ? new Date(value).toISOString() : value);
  }
  return wanted;
}

async function load(older = false) {
  const wanted = query(), request = ++asked;
  for (const kind of ["csv", "json"]) document.getElementById(kind)?.setAttribute("href", `${base}/api/v1/export/incidents.${kind}?${wanted}`);
  history.replaceState(null, "", `?${new URLSearchParams([...new FormData(form)].filter(([, value]) => value))}`);
  wanted.set("most", MOST);
  if (older && last) wanted.set("before", last);
  try {
    const found = await api(`/incidents?${wanted}`);
    if (request !== asked) return; // the search has changed since
    const nodes = found.map((incident) => new Card(incident, mayReview).node);
    for (const node of nodes) node.tabIndex = 0;
    if (older) list.append(...nodes); else list.replaceChildren(...(nodes.length ? nodes : [nothing("No incidents found.")]));
    last = found.at(-1)?.number ?? last;
    more.hidden = found.length < MOST;
  } catch (error) { failed(error); }
}

list.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches(".card")) location.assign(`${base}/incidents/${event.target.dataset.number}`);
});
more.addEventListener("click", () => load(true));
form.addEventListener("change", () => load());
form.addEventListener("submit", (event) => event.preventDefault());
try {
  const cameras = await api("/cameras");
  form.elements.camera.append(...cameras.map((camera) => el("option", { value: camera.name }, camera.name)));
} catch (error) { failed(error); }
for (const [key, value] of new URLSearchParams(location.search)) {
  const field = form.elements[key];
  if (field?.type === "checkbox") field.checked = value === "true"; else if (field) field.value = value;
}
load();
