// Links that pair a browser with this camera's kiosk page, and the browsers that are paired.
import { api, at, el, failed, post, toast } from "./core.js";

const camera = document.getElementById("main").dataset.camera;
const place = document.getElementById("kiosk-links");

document.getElementById("kiosk-link").addEventListener("click", async () => {
  try { show(await post("/kiosks", { camera }), await paired()); } catch (error) { failed(error); }
});

const paired = async () => (await api("/kiosks")).filter((token) => token.camera === camera);

function show(link, tokens) {
  // The browser knows its address better than the monitor behind a proxy.
  const address = Object.assign(new URL(link.url), { protocol: location.protocol, host: location.host }).href;
  const url = el("input", { type: "text", readonly: true, value: address, "aria-label": "Kiosk link", onfocus: () => url.select() });
  place.hidden = false;
  place.replaceChildren(
    el("h2", {}, "Kiosk link"),
    el("p", {}, `Open this link in the kiosk's browser before ${at(link.expires_at)}. It works once and is not shown again. `
      + "That browser can then show this camera's kiosk page and nothing else; whoever is logged in there is logged out."),
    url,
    el("p", { class: "actions" }, el("button", { type: "button", class: "primary", onclick: () => copy(url) }, "Copy link"),
      el("button", { type: "button", onclick: () => { place.hidden = true; place.replaceChildren(); } }, "Close")),
    el("h2", {}, "Kiosks of this camera"),
    el("ul", { class: "kiosks" }, ...tokens.map(row)));
  url.focus();
}

function row(token) {
  const seen = token.last_seen_at === null ? "link not opened yet" : `last seen ${at(token.last_seen_at)}`;
  const item = el("li", {}, `${token.number}: ${seen}, created by ${token.created_by} `, el("button", { type: "button", "aria-label": `Remove kiosk ${token.number}`,
    onclick: async () => {
      try { await api(`/kiosks/${token.number}`, { method: "DELETE" }); item.remove(); } catch (error) { failed(error); }
    } }, "Remove"));
  return item;
}

async function copy(url) {
  url.select();
  try { await navigator.clipboard.writeText(url.value); toast("Copied."); } catch { toast("Copy the selected link by hand."); } // without TLS browsers do not let pages copy
}
