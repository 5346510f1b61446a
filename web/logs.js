// Logs: a file that is dropped, chosen or pasted; what happened in it; and its lines, which this page keeps to show them.
import { announce, bytes, copyButton, h, openDialog, textButton } from "./dom.js";
import { LogLines, readLog, requireSize, splitReferences } from "./logfile.js";
import { onProps } from "./status.js";
import { Task } from "./task.js";

const AROUND = 3;
const MOST_LINES = 400;

const linesText = (first, last) => (last > first ? `${first}\u2013${last}` : String(first));
const lineWords = (first, last) => `${last > first ? "lines" : "line"} ${linesText(first, last)}`;

function openLines(log, name, first, last) {
  const slice = log.slice(first, last, AROUND, MOST_LINES);
  const rows = slice.map(({ number, text, inside }) => h("div", { class: inside ? "log-line inside" : "log-line" },
    h("span", { class: "log-number" }, String(number)), h("span", { class: "log-text" }, text || " ")));
  const left = last - (slice.at(-1)?.number ?? last);
  openDialog(`L${lineWords(first, last).slice(1)}`, [h("p", { class: "muted source" }, name),
    h("div", { class: "log-lines mono", tabindex: "0", role: "group", "aria-label": `${lineWords(first, last)} of ${name}` }, rows),
    left > 0 ? h("p", { class: "muted" }, `${left} more lines are not shown.`) : null], { kind: "wide" });
}

// Severities are words of the server; anything unknown is shown as it is.
function severityTag(severity) {
  const known = { critical: "bad", error: "bad", warning: "warn", info: "calm" };
  return h("span", { class: `tag severity ${known[severity] ?? ""}` }, severity ?? "");
}

function summaryNode(summary, open) {
  return h("p", { class: "summary" }, splitReferences(summary).map((part) => (typeof part === "string" ? part :
    h("button", { type: "button", class: "reference", "aria-haspopup": "dialog", onclick: () => open(part.first, part.last) },
      lineWords(part.first, part.last)))));
}

// When it was, what else told of it, and what ended it, where the server says so.
function moreOf(event) {
  const times = event.first_time ? [event.first_time, event.last_time === event.first_time ? null : event.last_time] : [];
  const parts = [times.filter(Boolean).join(" \u2013 "), ...(event.details ?? []), event.end ? `ended: ${event.end}` : ""].filter(Boolean);
  return parts.map((part) => h("div", { class: "hint" }, part));
}

function eventsTable(events, open) {
  const head = ["Severity", "Lines", "What", "Count"].map((name) => h("th", { scope: "col" }, name));
  const rows = events.map((event) => h("tr", {}, h("td", {}, severityTag(event.severity)),
    h("td", {}, h("button", { type: "button", class: "reference", "aria-haspopup": "dialog",
      "aria-label": `Show ${lineWords(event.first_line, event.last_line)}: ${event.what}`,
      onclick: () => open(event.first_line, event.last_line) }, linesText(event.first_line, event.last_line))),
    h("td", { class: "what" }, event.what, moreOf(event)), h("td", { class: "number" }, String(event.count ?? 1))));
  const table = h("table", { class: "events" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows));
  table.addEventListener("click", (click) => {
    if (!click.target.closest("button")) click.target.closest("tbody tr")?.querySelector("button").click();
  });
  return h("div", { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "Events" }, table);
}

function showResult(parent, result, log, name) {
  const events = result.events ?? [];
  const open = (first, last) => openLines(log, name, first, last);
  parent.replaceChildren(h("div", { class: "page-head" }, h("h3", {}, name), copyButton("Copy summary", () => result.summary ?? "")),
    h("p", { class: "muted" }, `${log.count} lines, ${events.length} ${events.length === 1 ? "event" : "events"}`),
    summaryNode(result.summary ?? "", open), events.length ? eventsTable(events, open) : h("p", { class: "muted" }, "Nothing out of the ordinary was found."));
}

// Puts the view into panel.
export function startLogs(panel) {
  let limit = 8 << 20;
  const result = h("div", { class: "card log-result", hidden: true, "aria-live": "off" });
  const chooser = h("input", { type: "file", id: "log-file", class: "visually-hidden", accept: ".log,.txt,.csv,.jsonl,text/*" });
  const pasted = h("textarea", { id: "log-paste", rows: "6", spellcheck: "false", placeholder: "Paste lines here" });
  const limitNote = h("p", { class: "hint" });
  const stop = textButton("Stop", () => task.stop());
  const task = new Task(panel);
  const zone = h("div", { class: "drop-zone" },
    h("p", {}, "Drop a log here"), h("label", { for: "log-file", class: "button file-label" }, "Choose a file"), chooser, limitNote);

  // Summarizes the text that read() resolves to, unless it is too large or no text.
  async function take(read, name) {
    try {
      const text = await read();
      requireSize(name, new Blob([JSON.stringify({ log: text, name })]).size, limit);
      result.hidden = false;
      zone.classList.add("compact");
      task.run({ path: "/v1/summarize", body: { log: text, name }, place: result, waiting: [`Reading ${name}`, h("div", { class: "row" }, stop)],
        show: (summary) => {
          showResult(result, summary, new LogLines(text), name);
          return `Summary: ${summary.summary}`;
        } });
    } catch (error) {
      result.hidden = false;
      result.replaceChildren(h("div", { class: "notice error" }, h("p", {}, error.message)));
      announce(error.message);
    }
  }

  const takeFile = (file) => { if (file) take(() => readLog(file, limit), file.name); };

  chooser.addEventListener("change", () => {
    takeFile(chooser.files[0]);
    chooser.value = "";
  });
  for (const name of ["dragenter", "dragover"]) {
    panel.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) panel.addEventListener(name, () => zone.classList.remove("over"));
  panel.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!panel.classList.contains("off")) takeFile(event.dataTransfer.files[0]);
  });
  onProps((props) => {
    if (props.max_body_bytes > 0) limit = props.max_body_bytes;
    limitNote.textContent = `Text, up to ${bytes(limit)}. It goes to this server and nowhere else.`;
  });
  panel.append(h("fieldset", { class: "controls page" }, h("legend", { class: "visually-hidden" }, "Log summaries"),
    h("div", { class: "page-head" }, h("h2", {}, "Logs")),
    h("p", { class: "muted intro" }, "What happened in a log, in sentences that name their lines, and as a table of events."),
    zone,
    h("details", { class: "more" }, h("summary", {}, "Paste text"), h("label", { for: "log-paste", class: "visually-hidden" }, "Log text"),
      pasted, h("div", { class: "row end" }, textButton("Summarize", () => {
        if (pasted.value.trim()) take(() => pasted.value, "pasted text");
      }, { class: "button primary" }))),
    result));
}
