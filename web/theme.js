// Dark or light: as the system has it, unless a person chose. Runs before the page is first painted.
import { local } from "./storage.js";

const KEY = "thimble.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const ORDER = ["auto", "light", "dark"];

export const theme = () => (ORDER.includes(local.getItem(KEY)) ? local.getItem(KEY) : "auto");

function apply() {
  const chosen = theme();
  document.documentElement.dataset.theme = chosen === "auto" ? (system.matches ? "dark" : "light") : chosen;
}

// From the system's to light, to dark, and back.
export function nextTheme() {
  local.setItem(KEY, ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length]);
  apply();
}

system.addEventListener("change", apply);
apply();
