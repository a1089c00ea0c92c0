// What every page needs: addresses, asking the API, building elements, words and times.

/** What every path of the monitor begins with: the setting web.base_path. */
export const base = new URL("..", import.meta.url).pathname.slice(0, -1);

export const STATES = {
  with_mask: { words: "Mask", sign: "M4 13l5 5L20 7" },
  without_mask: { words: "No mask", sign: "M5 5l14 14M19 5L5 19" },
  incorrect: { words: "Worn incorrectly", sign: "M12 4v10M12 19v.5" },
  unknown: { words: "Unknown", sign: "M8 9a4 4 0 1 1 6 3.5c-1.5.9-2 1.500-2 3M12 19v.5" },
};
export const REASONS = { beard: "Beard", hand: "Hand", scarf: "Scarf", mask_worn_correctly: "Mask worn correctly", other: "Other" };
const ENDS = {
  corrected: "corrected", gone: "left", source_lost: "camera lost", source_ended: "camera stopped", not_told: "monitor stopped",
};

export class ApiError extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

export async function api(path, options = {}) {
  const response = await fetch(`${base}/api/v1${path}`, options).catch(() => {
    throw new ApiError(0, "The monitor is not responding.");
  });
  if (response.status === 401) { location.assign(loginPath()); throw new ApiError(401, "Log in first."); }
  const body = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, explained(body) || `The monitor rejected the request (${response.status}).`);
  return body;
}

/** The login page, which leads back to this one. */
export const loginPath = () => `${base}/login?next=${encodeURIComponent(location.pathname + location.search)}`;

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

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const dayClock = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const whole = new Intl.DateTimeFormat(undefined, { year: "numeric", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short" });

/** With day, year and zone, as evidence needs. */
export const fully = (iso) => (iso ? whole.format(new Date(iso)) : "–");

export function at(iso) {
  if (!iso) return "";
  const date = new Date(iso);
  return (date.toDateString() === new Date().toDateString() ? clock : dayClock).format(date);
}

export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(100 * share)}%`);

export function howItEnded(incident, now = Date.now()) {
  const opened = Date.parse(incident.opened_at);
  if (incident.ended === null) return `open for ${duration((now - opened) / 1000)}`;
  if (!incident.closed_at) return ENDS[incident.ended] ?? incident.ended;
  const how = ENDS[incident.ended] ?? incident.ended, seconds = Math.round((Date.parse(incident.closed_at) - opened) / 1000);
  return seconds < 1 ? `${how} immediately` : `${how} after ${duration(seconds)}`;
}

/** What a review says; of an incident, the one that holds. */
export function reviewed({ decision, false_alarm_reason: reason, acknowledged }) {
  if (decision === "confirmed") return "Confirmed";
  if (decision === "withdrawn") return "Review withdrawn";
  if (decision === "false_alarm") return `False alarm${reason ? `: ${REASONS[reason].toLowerCase()}` : ""}`;
  return acknowledged ? "Acknowledged" : "";
}

/** Show a message for a while; return what closes it before its time. */
export function toast(content, bad = false, ms = 6000, closed = () => {}) {
  const node = el("div", { class: bad ? "toast bad" : "toast" }, content);
  const close = () => { clearTimeout(timer); node.remove(); closed(); };
  const timer = setTimeout(close, ms);
  document.getElementById("toasts").append(node);
  return close;
}

// A table that is wider than its place is scrolled with the keyboard as well.
const wide = new ResizeObserver((entries) => {
  for (const { target } of entries) if (target.scrollWidth > target.clientWidth) target.tabIndex = 0; else target.removeAttribute("tabindex");
});

/** A table; on a narrow screen every row becomes a list of its columns. `numeric` says which columns are numbers. */
export function table(header, rows, numeric = (index) => index > 0) {
  const kind = (index) => (numeric(index) ? "number" : undefined);
  if (!rows.length) return el("p", { class: "hint" }, "None.");
  const node = el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...header.map((text, index) => el("th", { class: kind(index), scope: "col" }, text)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((value, index) => el("td", { class: kind(index), "data-label": header[index] }, value instanceof Node ? value : String(value))))))));
  wide.observe(node);
  return node;
}

export function failed(error) {
  if (error instanceof ApiError) { if (error.status !== 401) toast(error.message, true); } else throw error;
}

export const kept = {
  get(key) { try { return localStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, value); } catch { /* private mode keeps nothing, and works */ } },
};
