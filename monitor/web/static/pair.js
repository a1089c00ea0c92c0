// Pairs this browser with a camera's kiosk page, by the secret after the link's `#`.
import { base, explained } from "./core.js";

const headline = document.getElementById("headline"), line = document.getElementById("line");
const secret = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

async function pair() {
  const response = await fetch(`${base}/api/v1/kiosks/pair`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ secret }),
  }).catch(() => null);
  const body = await response?.json().catch(() => null);
  if (response?.ok) { location.replace(body.path); return; }
  headline.textContent = "Not paired";
  line.textContent = !response ? "The monitor does not answer. Open the kiosk link again." : explained(body) ?? `The monitor refused (${response.status}).`;
}

if (secret) pair();
else { headline.textContent = "Not paired"; line.textContent = "Open the whole kiosk link, with the part after the # sign."; }
