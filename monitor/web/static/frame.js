// Theme and logging out, on every page.
import { api, kept, failed } from "./core.js";

const root = document.documentElement;
const wanted = kept.get("theme") ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
root.dataset.theme = wanted;
document.getElementById("theme")?.addEventListener("click", () => {
  root.dataset.theme = root.dataset.theme === "light" ? "dark" : "light";
  kept.set("theme", root.dataset.theme);
});
document.getElementById("logout")?.addEventListener("click", () => {
  api("/session", { method: "DELETE" }).then(() => location.assign("/login")).catch(failed);
});
// On a narrow screen the row of pages scrolls: show where one is.
const here = document.querySelector(".bar nav [aria-current]");
if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.offsetLeft - 40;
// A page that stays open keeps its session alive.
if (document.querySelector(".bar nav")) setInterval(() => api("/me").catch(() => {}), 20 * 60 * 1000);
