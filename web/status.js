// The header's figures from /props, every five seconds while the page is seen; the banner where the server does not answer.
import { getJson, onReachable } from "./api.js";
import { byId, bytes, h, openDialog, textButton } from "./dom.js";

const EVERY = 5000;
const LONGEST_WAIT = 15000;
const listeners = new Set();
let props = null;
let timer = 0;
let wait = 1000;
let shownDetail = null;

// Calls listener with the server's properties each time they come, and at once where they are known.
export function onProps(listener) {
  listeners.add(listener);
  if (props) listener(props);
}

const speed = (value) => (value > 0 ? `${value < 10 ? value.toFixed(1) : Math.round(value)} tok/s` : "");

function showGlance() {
  const memory = props.memory ?? {};
  byId("glance-model").textContent = props.model || "no language model";
  byId("glance-memory").textContent = memory.resident_bytes ? bytes(memory.resident_bytes) : "";
  byId("glance-limit").textContent = memory.limit_bytes ? `of ${bytes(memory.limit_bytes)}` : "";
  const bar = byId("glance-bar");
  bar.firstElementChild.style.width = `${share(memory.resident_bytes, memory.limit_bytes)}%`;
  bar.style.setProperty("--planned", `${share(memory.planned_bytes, memory.limit_bytes)}%`);
  byId("glance").title = memory.limit_bytes ? `Memory: ${bytes(memory.resident_bytes ?? 0)} resident, ` +
    `${bytes(memory.planned_bytes ?? 0)} planned, limit ${bytes(memory.limit_bytes)}` : "";
  byId("glance-speed").textContent = speed(props.speed?.decode_tps);
}

const share = (part, whole) => (whole > 0 ? Math.min(100, Math.max(0, (100 * part) / whole)) : 0);

function memoryRow(name, value, limit) {
  const bar = h("span", { class: "bar wide", "aria-hidden": "true" }, h("i"));
  bar.firstElementChild.style.width = `${share(value, limit)}%`;
  return [h("dt", {}, name), h("dd", {}, bar, bytes(value ?? 0))];
}

const row = (name, value) => [h("dt", {}, name), h("dd", {}, value)];

function detail() {
  if (!props) return [h("p", {}, "The server has not answered yet.")];
  const memory = props.memory ?? {};
  const features = Object.entries(props.features ?? {});
  return h("dl", { class: "facts" },
    row("Model", props.model || "none"), row("Version", props.version),
    row("Context", `${props.context_length} tokens`),
    props.slots ? row("Slots", `${props.busy_slots} of ${props.slots} busy, ${props.queued} waiting`) : [],
    memoryRow("Memory resident", memory.resident_bytes, memory.limit_bytes),
    memoryRow("Memory planned", memory.planned_bytes, memory.limit_bytes),
    memoryRow("Memory limit", memory.limit_bytes, memory.limit_bytes),
    row("Reading", speed(props.speed?.prompt_tps) || "nothing read yet"),
    row("Writing", speed(props.speed?.decode_tps) || "nothing written yet"),
    row("Features", features.map(([name, on]) => h("span", { class: on ? "tag" : "tag off" }, on ? name : `no ${name}`))));
}

async function refresh() {
  clearTimeout(timer);
  if (document.visibilityState !== "visible") return;
  try {
    props = await getJson("/props", { quiet: true });
    wait = 1000;
    showGlance();
    shownDetail?.replaceChildren(detail());
    for (const listener of listeners) listener(props);
    timer = setTimeout(refresh, EVERY);
  } catch (error) {
    const away = error.status === 0;
    timer = setTimeout(refresh, away ? wait : EVERY);
    if (!away) return;
    showAway();
    wait = Math.min(wait * 1.6, LONGEST_WAIT);
  }
}

// The same words each time, so that a screen reader says them once.
function showAway() {
  const banner = byId("banner");
  if (!banner.hidden) return;
  banner.replaceChildren(h("span", {}, "No connection to the server. Trying again."), textButton("Try now", refresh));
  banner.hidden = false;
  document.documentElement.classList.add("away");
}

// The first figures, and then for as long as the page is open.
export function startStatus() {
  document.addEventListener("visibilitychange", refresh);
  onReachable((reachable) => {
    if (reachable) {
      byId("banner").hidden = true;
      document.documentElement.classList.remove("away");
    }
    clearTimeout(timer);
    timer = setTimeout(refresh, reachable ? 0 : 500);
  });
  byId("glance").addEventListener("click", () => {
    shownDetail = h("div", {}, detail());
    openDialog("Server", shownDetail, { onclose: () => { shownDetail = null; } });
  });
  refresh();
}
