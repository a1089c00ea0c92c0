// Incidents as cards that can be judged on the spot.
import { MISTAKEN, STATES, at, el, failed, howItEnded, post, said, sign, toast } from "./core.js";

export async function acknowledge(number) { return post(`/incidents/${number}/acknowledge`); }
export async function judge(number, decision, false_alarm_reason = null, note = "") {
  return post(`/incidents/${number}/review`, { decision, false_alarm_reason, note });
}

export class Card {
  #how = el("div", { class: "how" }); #do = el("div", { class: "do" }); #said = el("div", { class: "said" }); #mayJudge; #asking = false;

  constructor(incident, mayJudge) {
    this.#mayJudge = mayJudge;
    const picture = el("img", { alt: "", loading: "lazy", src: `/api/v1/incidents/${incident.number}/picture.jpg` });
    picture.addEventListener("error", () => picture.replaceWith(el("div", { class: "blank" })), { once: true });
    this.node = el("li", { class: `card ${incident.state}`, tabindex: "-1", "data-number": incident.number },
      picture,
      el("div", { class: "kind" }, sign(incident.state), el("a", { href: `/incidents/${incident.number}`, tabindex: "-1" }, STATES[incident.state].words)),
      el("div", { class: "where" }, `${incident.camera} · ${at(incident.opened_at)}`),
      this.#how, this.#said, this.#do);
    this.update(incident);
  }

  update(incident) {
    this.incident = incident;
    this.#said.textContent = said(incident);
    this.#said.className = `said ${incident.decision ?? ""}`;
    this.#said.hidden = !said(incident);
    this.#buttons();
    this.tick();
  }

  tick(nowMs = Date.now()) {
    this.#how.textContent = howItEnded(this.incident, nowMs);
    this.#how.classList.toggle("open", this.incident.ended === null);
  }

  ask() { this.#asking = true; this.#buttons(); this.#do.querySelector("button")?.focus(); }

  async say(action) {
    if (!this.#mayJudge) return;
    try { this.update(await action(this.incident.number)); this.#asking = false; this.#buttons(); toast(`${said(this.incident)}: incident ${this.incident.number}`); } catch (error) { failed(error); }
  }

  #buttons() {
    if (!this.#mayJudge) return;
    const button = (label, onclick, title) => el("button", { type: "button", onclick, title }, label);
    if (this.#asking) {
      this.#do.replaceChildren(...Object.entries(MISTAKEN).map(([key, label]) => button(label, () => this.say((n) => judge(n, "false_alarm", key)), `It was a ${key}`)));
      return;
    }
    if (this.incident.decision) { this.#do.replaceChildren(); return; }
    this.#do.replaceChildren(
      ...(this.incident.acknowledged ? [] : [button("Seen", () => this.say(acknowledge), "Acknowledge (a)")]),
      button("Right", () => this.say((n) => judge(n, "confirmed")), "It was a violation (r)"),
      button("False alarm", () => this.ask(), "It was none (f)"));
  }
}

export function nothing(text) {
  return el("li", { class: "empty" },
    el("svg", { viewBox: "0 0 24 24", width: 48, height: 48, "aria-hidden": "true" },
      el("path", { d: "M12 3l7 3v5c0 5-3 8.500-7 10-4-1.500-7-5-7-10V6zM9 12l2.200 2.200L15.500 10", fill: "none", stroke: "currentColor", "stroke-width": 1.5, "stroke-linejoin": "round", "stroke-linecap": "round" })),
    text);
}
