// What every page needs: asking the API, building elements, words and times.

export const STATES = {
  with_mask: { words: "Mask", sign: "M4 13l5 5L20 7" },
  without_mask: { words: "No mask", sign: "M5 5l14 14M19 5L5 19" },
  incorrect: { words: "Worn wrong", sign: "M12 4v10M12 19v.5" },
  unknown: { words: "Unknown", sign: "M8 9a4 4 0 1 1 6 3.5c-1.5.9-2 1.500-2 3M12 19v.5" },
};
export const MISTAKEN = { beard: "Beard", hand: "Hand", scarf: "Scarf", other: "Other" };
const ENDS = {
  corrected: "put right", gone: "left", source_lost: "camera lost", source_ended: "camera stopped", not_told: "monitor stopped",
};

export class ApiError extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

export async function api(path, options = {}) {
  const response = await fetch(`/api/v1${path}`, options).catch(() => {
    throw new ApiError(0, "The monitor does not answer.");
  });
  if (response.status === 401) { location.assign(loginPath()); throw new ApiError(401, "Log in first."); }
  const body = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, explained(body) || `The monitor refused (${response.status}).`);
  return body;
}

/** The login page, which leads back to this one. */
export const loginPath = () => `/login?next=${encodeURIComponent(location.pathname + location.search)}`;

export function explained(body) {
  const why = typeof body?.detail === "string" ? body.detail : body?.detail?.[0]?.msg;
  return why ? `${why[0].toUpperCase()}${why.slice(1)}${/[.!?]$/.test(why) ? "" : "."}` : undefined;
}

export const post = (path, body) => api(path, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body),
});

export function el(tag, attributes = {}, ...children) {
  const svg = ["svg", "path", "rect", "line", "text", "g", "title"].includes(tag) && attributes.svg !== false;
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false || name === "svg") continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function sign(state) {
  return el("svg", { viewBox: "0 0 24 24", class: `sign ${state}`, "aria-hidden": "true" },
    el("path", { d: STATES[state].sign, fill: "none", stroke: "currentColor", "stroke-width": 3.2, "stroke-linecap": "round", "stroke-linejoin": "round" }));
}

const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const dayHour = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const whole = new Intl.DateTimeFormat(undefined, { year: "numeric", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short" });

/** Day, year and zone too: for whoever has to prove it. */
export const fully = (iso) => (iso ? whole.format(new Date(iso)) : "–");

export function at(iso) {
  if (!iso) return "";
  const date = new Date(iso);
  return (date.toDateString() === new Date().toDateString() ? hour : dayHour).format(date);
}

export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(100 * share)} %`);

export function howItEnded(incident, now = Date.now()) {
  const opened = Date.parse(incident.opened_at);
  if (incident.ended === null) return `open for ${duration((now - opened) / 1000)}`;
  if (!incident.closed_at) return ENDS[incident.ended] ?? incident.ended;
  return `${ENDS[incident.ended] ?? incident.ended} after ${duration((Date.parse(incident.closed_at) - opened) / 1000)}`;
}

export function said(incident) {
  if (incident.decision === "confirmed") return "Right";
  if (incident.decision === "false_alarm") return `False alarm${incident.false_alarm_reason ? `: ${MISTAKEN[incident.false_alarm_reason].toLowerCase()}` : ""}`;
  return incident.acknowledged ? "Acknowledged" : "";
}

export function toast(text, bad = false) {
  const node = el("div", { class: bad ? "toast bad" : "toast" }, text);
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), 6000);
}

export function failed(error) {
  if (error instanceof ApiError) { if (error.status !== 401) toast(error.message, true); } else throw error;
}

export const kept = {
  get(key) { try { return localStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, value); } catch { /* private mode keeps nothing, and works */ } },
};
