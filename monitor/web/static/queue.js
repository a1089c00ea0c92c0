// The desk's incidents: those to review leave the list once they are reviewed, and the next one is at hand.
import { api, base, el, failed } from "./core.js";
import { Card, nothing } from "./cards.js";
import { live } from "./connection.js";

const PAGE = 80, REFILL_BELOW = 20, COUNT_AFTER_MS = 300;
const QUERY = { new: "review=pending", open: "open=true", all: "" };
const EMPTY = { new: "Nothing to review.", open: "No open incidents.", all: "No incidents yet." };
const list = document.getElementById("incidents"), column = list.closest(".column"), shown = document.getElementById("shown"), more = document.getElementById("more");
const toReview = document.getElementById("to-review"), title = document.title;
const mayReview = document.getElementById("main").dataset.review === "yes";
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const cards = new Map();
let show = "new", last = null, most = PAGE, total = 0, asked = 0, counting = 0;

const fits = (incident) => show === "all" || (show === "open" ? incident.ended === null : !incident.decision && !incident.acknowledged);
const inOrder = () => [...list.querySelectorAll(".card:not(.leaving)")];
const held = () => document.activeElement?.closest?.(".card");
const make = (incident) => new Card(incident, mayReview, changed);

// --- What is in the list ---

async function load() {
  const mine = ++asked, found = [];
  try {
    do {
      const page = await api(`/incidents?${QUERY[show]}&most=${PAGE}${found.length ? `&before=${found.at(-1).number}` : ""}`);
      if (mine !== asked) return; // another list has been asked for
      found.push(...page);
      if (page.length < PAGE) break;
    } while (found.length < most);
  } catch (error) { failed(error); return; }
  const known = new Map(cards), focused = held();
  cards.clear();
  for (const incident of found) {
    const card = known.get(incident.number);
    card?.update(incident);
    cards.set(incident.number, card ?? make(incident));
  }
  last = found.at(-1)?.number ?? null;
  list.replaceChildren(...[...cards.values()].map((card) => card.node));
  if (focused && list.contains(focused)) focused.focus({ preventScroll: true });
  settle();
  count();
}

async function loadMore() {
  if (last === null) return;
  const mine = ++asked;
  try {
    const page = await api(`/incidents?${QUERY[show]}&most=${PAGE}&before=${last}`);
    if (mine !== asked) return;
    for (const incident of page) put(incident);
    last = page.at(-1)?.number ?? last;
    most = Math.max(most, cards.size);
    settle();
    count();
  } catch (error) { failed(error); }
}

/** Put an incident at its place, the newest first. */
function put(incident) {
  if (cards.has(incident.number)) return cards.get(incident.number);
  const card = make(incident);
  cards.set(incident.number, card);
  list.insertBefore(card.node, inOrder().find((node) => Number(node.dataset.number) < incident.number) ?? null);
  return card;
}

/** Take a card out of the list; whoever is at it goes on to the next. */
function takeOut(card) {
  if (card.node.contains(document.activeElement)) goOn(card);
  cards.delete(card.incident.number);
  total = Math.max(0, total - 1);
  card.node.classList.add("leaving");
  card.node.inert = true;
  const gone = () => {
    card.node.remove();
    held()?.scrollIntoView({ block: "nearest" });
    if (cards.size < REFILL_BELOW && cards.size < total) loadMore();
    settle();
  };
  if (calm.matches) gone(); else setTimeout(gone, 180);
}

function goOn(card) {
  const nodes = inOrder(), index = nodes.indexOf(card.node), next = nodes[index + 1] ?? nodes[index - 1];
  if (next) at(next, true); else column.querySelector("[data-show][aria-pressed=true]").focus();
}

/** Make a card the one that the keyboard is at. */
function at(node, quietly = false) {
  for (const other of inOrder()) other.tabIndex = other === node ? 0 : -1;
  node.focus({ preventScroll: quietly });
}

function settle() {
  const nodes = inOrder();
  list.querySelector(".empty")?.remove();
  if (!list.childElementCount) list.append(nothing(EMPTY[show]));
  if (nodes.length && !nodes.some((node) => node.tabIndex === 0)) nodes[0].tabIndex = 0;
  shown.textContent = cards.size < total ? `${cards.size} of ${total} shown` : "";
  more.hidden = cards.size >= total;
  shown.parentElement.hidden = more.hidden;
}

/** Ask how many there are, soon: several changes at once are one question. */
function count() {
  clearTimeout(counting);
  counting = setTimeout(async () => {
    const mine = asked;
    try {
      const [pending, here] = await Promise.all([QUERY.new, ...(show === "new" ? [] : [QUERY[show]])].map((query) => api(`/incidents/count?${query}`)));
      toReview.textContent = pending.count || "";
      document.title = pending.count ? `(${pending.count}) ${title}` : title;
      if (mine !== asked) return;
      total = (here ?? pending).count;
      settle();
    } catch (error) { failed(error); }
  }, COUNT_AFTER_MS);
}

// --- What changes it ---

/** A review was made here, or undone. */
function changed(card) {
  const { incident } = card, here = cards.get(incident.number);
  if (!fits(incident)) { if (here) takeOut(here); }
  else if (!incident.decision && !incident.acknowledged) at((here ?? put(incident)).node);
  else if (here?.node.contains(document.activeElement)) goOn(here);
  settle();
  count();
}

live.addEventListener("incident", ({ detail: { incident } }) => {
  const known = cards.get(incident.number);
  if (known) { known.update(incident); if (!fits(incident)) takeOut(known); }
  else if (fits(incident) && (last === null || incident.number > last)) {
    const focused = held(), card = put(incident);
    if (incident.ended === null) card.node.classList.add("fresh");
    for (const node of inOrder().slice(most)) if (node !== focused) { cards.delete(Number(node.dataset.number)); node.remove(); }
    if (cards.size >= most) last = Math.min(...cards.keys());
  } else { count(); return; }
  settle();
  count();
});
live.addEventListener("connection", ({ detail }) => { if (detail.connected) load(); });
setInterval(() => { for (const card of cards.values()) if (card.incident.ended === null) card.tick(live.now()); }, 1000);

more.addEventListener("click", async () => {
  const before = inOrder().at(-1);
  most += PAGE;
  await loadMore();
  const next = before?.nextElementSibling;
  if (next?.matches(".card")) at(next);
});

for (const tab of document.querySelectorAll("[data-show]")) {
  tab.addEventListener("click", () => {
    show = tab.dataset.show;
    most = PAGE;
    total = 0;
    for (const other of document.querySelectorAll("[data-show]")) other.setAttribute("aria-pressed", String(other === tab));
    load();
  });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const nodes = inOrder(), index = nodes.indexOf(held()), card = cards.get(Number(nodes[index]?.dataset.number));
  const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  if (step !== undefined && nodes.length) at(nodes[index < 0 ? 0 : Math.min(nodes.length - 1, Math.max(0, index + step))]);
  else if (card && event.key === "Escape") card.cancel();
  else if (card && event.target === card.node) {
    if (event.key === "a") card.acknowledge();
    else if (event.key === "c") card.confirm();
    else if (event.key === "f") card.ask();
    else if (event.key === "Enter") location.assign(`${base}/incidents/${card.incident.number}`);
    else return;
  } else return;
  event.preventDefault();
});

load();
