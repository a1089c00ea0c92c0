// Theme, logging out and the state of the cameras, on every page.
import { api, base, kept, failed } from "./core.js";

const root = document.documentElement;
const wanted = kept.get("theme") ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
root.dataset.theme = wanted;
document.getElementById("theme")?.addEventListener("click", () => {
  root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
  kept.set("theme", root.dataset.theme);
});
document.getElementById("logout")?.addEventListener("click", () => {
  api("/session", { method: "DELETE" }).then(() => location.assign(`${base}/login`)).catch(failed);
});
if (document.querySelector(".bar nav")) {
  // A page that stays open keeps its session alive.
  setInterval(() => api("/me").catch(() => {}), 20 * 60 * 1000);
  await import("./status.js"); // who has not logged in has no connection
}
