// Incidents as cards that can be reviewed on the spot.
import { REASONS, STATES, at, base, el, failed, howItEnded, reviewed, sign } from "./core.js";
import { acknowledge, confirm, decide, saved } from "./review.js";

export class Card {
  #how = el("div", { class: "how" }); #do = el("div", { class: "do" }); #review = el("div", { class: "review" });
  #mayReview; #changed; #asking = false; #busy = false;

  /** `changed` is called with the card after a review made, or undone, here. */
  constructor(incident, mayReview, changed = () => {}) {
    this.#mayReview = mayReview;
    this.#changed = changed;
    const picture = el("img", { alt: "", loading: "lazy", src: `${base}/api/v1/incidents/${incident.number}/picture.jpg` });
    picture.addEventListener("error", () => picture.replaceWith(el("div", { class: "blank" })), { once: true });
    this.node = el("li", { class: `card ${incident.state}`, tabindex: "-1", "data-number": incident.number },
      picture,
      el("div", { class: "kind" }, sign(incident.state), el("a", { href: `${base}/incidents/${incident.number}`, tabindex: "-1" }, STATES[incident.state].words)),
      el("div", { class: "where" }, `${incident.camera} · ${at(incident.opened_at)}`),
      this.#how, this.#review, this.#do);
    this.update(incident);
  }

  update(incident) {
    this.incident = incident;
    this.#review.textContent = reviewed(incident);
    this.#review.className = `review ${incident.decision ?? ""}`;
    this.#review.hidden = !reviewed(incident);
    if (incident.decision) this.#asking = false;
    this.#buttons();
    this.tick();
  }

  tick(nowMs = Date.now()) {
    this.#how.textContent = howItEnded(this.incident, nowMs);
    this.#how.classList.toggle("open", this.incident.ended === null);
  }

  /** Ask why it is a false alarm. */
  ask() {
    if (!this.#mayReview || this.incident.decision) return;
    this.#asking = true;
    this.#buttons();
    this.#do.querySelector("button").focus();
  }

  /** Ask no longer, where a reason was asked for. */
  cancel() { this.#asking = false; this.#buttons(); this.node.focus(); }

  acknowledge() { if (!this.incident.acknowledged) this.#say(acknowledge); }

  confirm() { if (!this.incident.decision) this.#say(confirm); }

  async #say(action) {
    if (!this.#mayReview || this.#busy) return;
    this.#busy = true;
    try {
      this.update(await action(this.incident.number));
      saved(this.incident, (incident) => { this.update(incident); this.#changed(this); });
      this.#changed(this);
    } catch (error) { failed(error); } finally { this.#busy = false; }
  }

  #buttons() {
    if (!this.#mayReview) return;
    // Whoever is at one of the buttons stays on it, or on the card where it goes.
    const held = this.#do.contains(document.activeElement) ? document.activeElement.textContent : null;
    const button = (label, onclick, title) => el("button", { type: "button", onclick, title }, label);
    if (this.#asking) this.#do.replaceChildren(...Object.entries(REASONS).map(([key, label]) => button(label, () => this.#say((number) => decide(number, "false_alarm", key)))));
    else if (this.incident.decision) this.#do.replaceChildren();
    else {
      this.#do.replaceChildren(
        ...(this.incident.acknowledged ? [] : [button("Acknowledge", () => this.acknowledge(), "You have seen it (a)")]),
        button("Confirm", () => this.confirm(), "It was a violation (c)"),
        button("False alarm", () => this.ask(), "It was not a violation (f)"));
    }
    if (held !== null) ([...this.#do.children].find((one) => one.textContent === held) ?? this.node).focus({ preventScroll: true });
  }
}

export function nothing(text) {
  return el("li", { class: "empty" },
    el("svg", { viewBox: "0 0 24 24", width: 48, height: 48, "aria-hidden": "true" },
      el("path", { d: "M12 3l7 3v5c0 5-3 8.500-7 10-4-1.500-7-5-7-10V6zM9 12l2.200 2.200L15.500 10", fill: "none", stroke: "currentColor", "stroke-width": 1.5, "stroke-linejoin": "round", "stroke-linecap": "round" })),
    text);
}
