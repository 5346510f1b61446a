// Starts the page: tabs, theme, the header's figures, and the four views.
import { startAsk } from "./ask.js";
import { Chat } from "./chat.js";
import { startCommand } from "./command.js";
import { byId, h, icon } from "./dom.js";
import { startLogs } from "./logs.js";
import { onProps, startStatus } from "./status.js";
import { nextTheme, theme } from "./theme.js";

const VIEWS = ["chat", "ask", "command", "logs"];

// What turns a view on where the server was started without it.
const FLAGS = {
  chat: ["Chat is off", "The server was started without a language model. Start it with -m:", "thimble serve -m MODEL.gguf"],
  ask: ["Manuals are off", "The server was started without a knowledge base. Make one with thimble index, then start it with --kb:",
    "thimble serve -m MODEL.gguf --kb kb.db"],
  command: ["Commands are off", "The server was started without a list of tools. Start it with --tools:",
    "thimble serve -m MODEL.gguf --tools tools.json"],
  logs: ["Summaries are off", "The server was started without a language model. The program finds events without one, too:",
    "thimble summarize -f pump.log"],
};

function select(name, focus = false) {
  for (const view of VIEWS) {
    const tab = byId(`tab-${view}`), chosen = view === name;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    byId(`view-${view}`).hidden = !chosen;
    if (chosen && focus) tab.focus();
  }
  document.title = `${byId(`tab-${name}`).textContent} \u00b7 Thimble`;
  if (location.hash !== `#${name}`) history.replaceState(null, "", `#${name}`);
  byId(`view-${name}`).dispatchEvent(new Event("shown"));
}

function startTabs() {
  const list = document.querySelector("[role=tablist]");
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) select(tab.id.slice(4));
  });
  list.addEventListener("keydown", (event) => {
    const at = VIEWS.indexOf(document.activeElement.id.slice(4));
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: VIEWS.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    select(VIEWS[(next + VIEWS.length) % VIEWS.length], true);
  });
  const asked = () => VIEWS.find((view) => `#${view}` === location.hash);
  window.addEventListener("hashchange", () => { if (asked()) select(asked()); });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("views").focus();
  });
  select(asked() ?? "chat");
}

function startTheme() {
  const button = byId("theme");
  const show = () => {
    const name = { auto: "as the system", light: "light", dark: "dark" }[theme()];
    button.setAttribute("aria-label", `Colours: ${name}`);
    button.title = `Colours: ${name}`;
    button.replaceChildren(icon({ auto: "half", light: "sun", dark: "moon" }[theme()]));
  };
  button.addEventListener("click", () => {
    nextTheme();
    show();
  });
  show();
}

// Shows why a view is off, in place of its controls, for as long as the server says so.
function startFeatures() {
  onProps((props) => {
    for (const view of VIEWS) {
      const on = props.features?.[view === "logs" ? "summarize" : view] !== false;
      const panel = byId(`view-${view}`);
      byId(`tab-${view}`).classList.toggle("off", !on);
      byId(`tab-${view}`).title = on ? "" : FLAGS[view][0];
      panel.classList.toggle("off", !on);
      panel.querySelector("fieldset.controls").disabled = !on;
      if (!on === Boolean(panel.querySelector(".off-note"))) continue;
      if (on) panel.querySelector(".off-note").remove();
      else {
        const [title, text, command] = FLAGS[view];
        panel.prepend(h("div", { class: "off-note" }, h("h2", {}, title), h("p", {}, text), h("pre", {}, command)));
      }
    }
  });
}

// A file that misses the drop zone must not take the place of the page.
for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());

startTheme();
new Chat(byId("view-chat"));
startAsk(byId("view-ask"));
startCommand(byId("view-command"));
startLogs(byId("view-logs"));
startTabs();
startFeatures();
startStatus();
