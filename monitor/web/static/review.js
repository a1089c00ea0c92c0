// Reviewing incidents, and undoing the newest review.
import { el, failed, post, reviewed, toast } from "./core.js";

const UNDO_MS = 8000;
let undo = null;

export const acknowledge = (number) => post(`/incidents/${number}/acknowledge`);
export const decide = (number, decision, false_alarm_reason = null, note = "") => post(`/incidents/${number}/review`, { decision, false_alarm_reason, note });
export const confirm = (number) => decide(number, "confirmed");
export const withdraw = (number) => decide(number, "withdrawn");

/** Say that a review was saved and offer to undo it; `undone` is called with the incident as it then stands. */
export function saved(incident, undone) {
  undo?.close();
  const button = el("button", { type: "button", title: "Undo (u)", onclick: () => mine.run() }, "Undo");
  const close = toast([el("span", {}, `Saved. Incident ${incident.number}: ${reviewed(incident).toLowerCase()}`), button], false, UNDO_MS, () => { if (undo === mine) undo = null; });
  const mine = undo = {
    close,
    run: async () => {
      close();
      try { const now = await withdraw(incident.number); toast(`Incident ${incident.number}: review withdrawn`); undone(now); } catch (error) { failed(error); }
    },
  };
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "u" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea") || !undo) return;
  event.preventDefault();
  undo.run();
});
