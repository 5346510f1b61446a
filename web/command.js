// Commands: words in, the call of a tool out. The page shows the call; nothing is ever run here.
import { copyButton, growWithText, h, sendOnEnter, textButton } from "./dom.js";
import { onProps } from "./status.js";
import { Task } from "./task.js";

function shown(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function argumentsTable(values) {
  const entries = Object.entries(values ?? {});
  if (!entries.length) return h("p", { class: "muted" }, "No arguments.");
  return h("div", { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "Arguments" },
    h("table", { class: "arguments" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Argument"), h("th", { scope: "col" }, "Value"), h("th", { scope: "col" }, "Type"))),
      h("tbody", {}, entries.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "mono" }, shown(value)),
        h("td", { class: "muted" }, Array.isArray(value) ? "list" : typeof value === "object" && value ? "object" : typeof value))))));
}

function meter(confidence) {
  const value = Math.min(1, Math.max(0, Number(confidence) || 0));
  const percent = Math.round(value * 100);
  const words = value > 0 && value < 0.01 ? "< 1%" : `${percent}%`;
  const level = value >= 0.8 ? "high" : value >= 0.5 ? "middle" : "low";
  const bar = h("div", { class: `bar meter ${level}`, role: "meter", "aria-label": "Confidence", "aria-valuemin": "0",
    "aria-valuemax": "100", "aria-valuenow": String(percent), "aria-valuetext": `${percent} percent, ${level}` }, h("i"));
  bar.firstElementChild.style.width = `${percent}%`;
  return h("div", { class: "confidence" }, h("span", { class: "label" }, "Confidence"), bar, h("span", { class: "mono" }, words));
}

function verdict(result) {
  if (!result.name) {
    return h("div", { class: "notice refused" }, h("p", { class: "refused-title" }, result.withheld ? "Withheld." : "No tool fits."),
      h("p", {}, result.withheld ? "The model was less sure of its call than the server asks for." :
        "Nothing on the list of tools does what was said."));
  }
  return [h("p", { class: "tool-name mono" }, result.name),
    result.withheld ? h("div", { class: "notice warn" }, h("p", {}, "Withheld: less sure than the server asks for.")) : null,
    result.confirm ? h("div", { class: "notice warn" }, h("p", {}, h("strong", {}, "Needs confirmation."),
      " A person has to agree before this call is run.")) : h("p", { class: "tag" }, "runs without confirmation"),
    argumentsTable(result.arguments)];
}

function showResult(parent, result, tools) {
  const json = JSON.stringify(result, null, 2);
  const description = tools.find((tool) => tool.name === result.name)?.description;
  parent.replaceChildren(...[verdict(result)].flat().filter(Boolean), meter(result.confidence),
    h("details", { class: "more" }, h("summary", {}, "JSON"),
      h("div", { class: "code-block" }, h("div", { class: "code-head" }, h("span", {}, "json"), copyButton("Copy JSON", () => json)),
        h("pre", { tabindex: "0", role: "group", "aria-label": "JSON of the call" }, h("code", {}, json)))));
  if (description && result.name) parent.firstElementChild.after(h("p", { class: "muted" }, description));
}

// Puts the view into panel.
export function startCommand(panel) {
  let tools = [];
  const input = h("textarea", { id: "command-input", rows: "1", placeholder: "start pump 2" });
  growWithText(input);
  const send = textButton("Translate", () => (task.isRunning ? task.stop() : translate()), { class: "button primary" });
  const task = new Task(panel, send);
  const results = h("div", { class: "turns" });
  const list = h("ul", { class: "tools" });
  const count = h("summary", {}, "Tools");
  const filter = h("input", { id: "tool-filter", type: "search", placeholder: "Filter", autocomplete: "off" });

  const showTools = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fitting = tools.filter(({ name, description }) => words.every((word) => `${name} ${description}`.toLowerCase().includes(word)));
    count.textContent = `Tools (${tools.length})`;
    list.replaceChildren(...fitting.map(({ name, description }) => h("li", {}, h("span", { class: "mono" }, name),
      h("span", { class: "muted" }, description ?? ""))));
  };

  function translate() {
    const text = input.value.trim();
    if (!text || task.isRunning) return;
    const body = h("div");
    results.prepend(h("article", { class: "card turn", "aria-label": text }, h("h3", { class: "question" }, text), body));
    input.select();
    task.run({ path: "/v1/command", body: { text }, place: body, waiting: "Choosing a tool", show: (result) => {
      showResult(body, result, tools);
      return result.name ? `${result.name}${result.confirm ? ", needs confirmation" : ""}` : "No tool fits";
    } });
  }

  sendOnEnter(input, translate);
  filter.addEventListener("input", showTools);
  onProps((props) => {
    if (JSON.stringify(props.tools ?? []) === JSON.stringify(tools)) return;
    tools = props.tools ?? [];
    showTools();
  });
  panel.append(h("fieldset", { class: "controls page" }, h("legend", { class: "visually-hidden" }, "Commands"),
    h("div", { class: "page-head" }, h("h2", {}, "Command")),
    h("p", { class: "muted intro" }, "Say what should be done; the model names the tool and its arguments. This page shows the call and runs nothing."),
    h("div", { class: "ask-box" }, h("label", { for: "command-input", class: "visually-hidden" }, "Command"), input, send), results,
    h("details", { class: "more card" }, count,
      h("label", { for: "tool-filter", class: "visually-hidden" }, "Filter tools"), filter, list)));
}
