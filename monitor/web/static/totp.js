// One-time codes for the logins of this account.
import { api, el, failed, post } from "./core.js";

const place = document.getElementById("totp");

function field(label, name, attributes = {}) {
  return el("label", {}, label, " ", el("input", { name, required: true, ...attributes }));
}

const password = () => field("Password", "password", { type: "password", autocomplete: "current-password", maxlength: 1024 });
const code = () => field("Code", "code", { inputmode: "numeric", autocomplete: "one-time-code", maxlength: 16 });

function form(label, fields, send) {
  const node = el("form", { class: "filters" }, ...fields, el("button", { class: "primary", type: "submit" }, label));
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await send({ password: node.elements.password.value, code: node.elements.code.value });
      await show();
    } catch (error) { failed(error); }
  });
  return node;
}

async function setUp() {
  try {
    const { secret, qr } = await post("/totp/secret");
    place.replaceChildren(
      el("p", {}, "Scan the picture with an authenticator app, or type the secret into it. Then enter your password and the code that the app shows."),
      el("img", { src: qr, alt: "QR code of the secret below" }),
      el("p", {}, "Secret: ", el("code", { id: "secret" }, secret)),
      form("Require codes", [password(), code()], (values) => post("/totp/on", { ...values, secret })));
  } catch (error) { failed(error); }
}

async function show() {
  const { on } = await api("/totp");
  place.replaceChildren(...(on
    ? [el("p", {}, "Your logins need a code of your authenticator app."), form("Require no codes", [password(), code()], (values) => post("/totp/off", values))]
    : [el("p", {}, "Your logins need your password alone."), el("button", { type: "button", onclick: setUp }, "Set up codes")]));
}

show().catch(failed);
