import { base, explained } from "./core.js";

const form = document.getElementById("login"), wrong = document.getElementById("wrong");
form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  wrong.textContent = "";
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const response = await fetch(`${base}/api/v1/session`, {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        name: form.elements.name.value, password: form.elements.password.value, code: form.elements.code.value || null,
      }),
    });
    if (response.ok) { location.assign(form.dataset.next); return; }
    if (response.headers.get("WWW-Authenticate") === "TOTP") {
      document.getElementById("code").hidden = false;
      form.elements.code.value = "";
      form.elements.code.focus();
    }
    wrong.textContent = explained(await response.json().catch(() => null)) || "The monitor refused.";
  } catch { wrong.textContent = "The monitor does not answer."; } finally { button.disabled = false; }
});
