// The settings in effect, and the audit log.
import { api, el, failed, fully } from "./core.js";

const GLOBAL = new Set(["capture", "health", "tracking", "rules", "overlay"]);

function shown(value) {
  if (value === null) return "–";
  if (value === true || value === false) return value ? "yes" : "no";
  return (Array.isArray(value) ? value.join(", ") : String(value)) || "–";
}

function rows(section, own = null) {
  const nodes = [];
  for (const [key, value] of Object.entries(section)) {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      const changed = own?.[key] && GLOBAL.has(key) ? Object.fromEntries(Object.entries(value).filter(([name, one]) => JSON.stringify(one) !== JSON.stringify(own[key][name]))) : value;
      if (Object.keys(changed).length) nodes.push(el("h3", {}, key), el("dl", { class: "facts" }, ...Object.entries(changed).flatMap(([name, one]) => [el("dt", {}, name), el("dd", {}, typeof one === "object" && one !== null && !Array.isArray(one) ? JSON.stringify(one) : shown(one))])));
    } else nodes.push(el("dl", { class: "facts" }, el("dt", {}, key), el("dd", {}, shown(value))));
  }
  return nodes;
}

try {
  const settings = await api("/settings");
  const { cameras, ...rest } = settings;
  document.getElementById("settings").replaceChildren(
    ...Object.entries(cameras).map(([name, camera]) => el("section", { class: "block" }, el("h2", {}, `Camera ${name}`), ...rows(camera, settings))),
    ...Object.entries(rest).map(([name, section]) => el("section", { class: "block" }, el("h2", {}, name), ...rows(section))));
  const audit = await api("/audit");
  document.querySelector("#audit tbody").replaceChildren(...(audit.length ? audit.map((line) => el("tr", {}, ...[["When", fully(line.at)], ["Who", line.who], ["Action", line.action], ["Details", line.detail], ["From", line.address]].map(([label, text]) => el("td", { "data-label": label }, text)))) : [el("tr", {}, el("td", { colspan: 5 }, "No entries yet."))]));
} catch (error) { failed(error); }
