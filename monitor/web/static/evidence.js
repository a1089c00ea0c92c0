// Evidence of an incident: downloading, keeping and erasing it.
import { api, base, el, failed, fully, post, toast } from "./core.js";

/** The block's content; `reload` shows the incident anew, `erased` that there is none any more. */
export function evidence(detail, { mayErase, reload, erased }) {
  const number = detail.incident.number, kept = detail.kept;
  const saving = async (action, then) => { try { await action(); await then(); } catch (error) { failed(error); } };
  const place = el("div", {}), choices = [];
  const choice = (label, kind, form) => {
    const button = el("button", { type: "button", class: kind, "aria-expanded": "false", onclick: () => {
      const open = button.getAttribute("aria-expanded") === "true";
      for (const other of choices) other.setAttribute("aria-expanded", "false");
      button.setAttribute("aria-expanded", String(!open));
      place.replaceChildren(...(open ? [] : [form()]));
      place.querySelector("input")?.focus();
    } }, label);
    choices.push(button);
    return button;
  };
  const keep = choice(kept ? "Keep longer" : "Keep", undefined, () => {
    const days = el("input", { type: "number", min: 1, max: 3650, value: 90, required: true });
    return asked("Why is it kept?", "Keep", [el("label", {}, "For how many days?", days)], (reason) => saving(() => post(`/incidents/${number}/keep`, { reason, days: Number(days.value) }), reload));
  });
  const erase = mayErase && !kept && choice("Erase", "danger", () => asked(
    "Why is it erased? Its files and reviews are deleted for good; it stays counted.", "Erase for good", [],
    (reason) => saving(() => post(`/incidents/${number}/erase`, { reason }), () => { toast("Erased"); erased(); })));
  return el("div", {},
    kept && el("p", {}, `${kept.by} keeps it until ${fully(kept.until)}: ${kept.reason}`),
    el("div", { class: "choices" },
      el("a", { class: "button", href: `${base}/api/v1/incidents/${number}/evidence.zip`, download: `incident-${number}.zip` }, "Download evidence (ZIP)"),
      keep, kept && el("button", { type: "button", onclick: () => saving(() => api(`/incidents/${number}/keep`, { method: "DELETE" }), reload) }, "Keep no longer"), erase),
    place);
}

function asked(question, label, more, send) {
  const reason = el("input", { type: "text", maxlength: 400, required: true });
  const form = el("form", { class: "asked" }, el("label", {}, question, reason), ...more, el("button", { type: "submit" }, label));
  form.addEventListener("submit", (event) => { event.preventDefault(); send(reason.value); });
  return form;
}
