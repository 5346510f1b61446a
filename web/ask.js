// Questions to the manuals: the answer, or plainly that there is none, and the sections it stands on.
import { copyButton, growWithText, h, openDialog, sendOnEnter, textButton } from "./dom.js";
import { markdown } from "./markdown.js";
import { Task } from "./task.js";

const TURNS_SENT = 4;

// "lines 10-24", "page 3": where a section stands in its document.
export function place(citation) {
  const range = (name, first, last) => (last > first ? `${name}s ${first}\u2013${last}` : `${name} ${first}`);
  if (citation.first_page != null) return range("page", citation.first_page, citation.last_page);
  if (citation.first_line != null) return range("line", citation.first_line, citation.last_line);
  return "";
}

const nameOf = (path) => String(path ?? "").split("/").pop();

function openSection(citation) {
  openDialog(citation.section || nameOf(citation.path), [
    h("p", { class: "muted source" }, [nameOf(citation.path), place(citation)].filter(Boolean).join(" \u00b7 ")),
    h("pre", { class: "section-text", tabindex: "0", role: "group", "aria-label": "Section text" }, citation.text ?? ""),
  ], { kind: "wide" });
}

function citationButton(citation, number) {
  return h("button", { type: "button", class: "citation", "aria-haspopup": "dialog", onclick: () => openSection(citation) },
    number ? h("span", { class: "citation-number" }, String(number)) : null,
    h("span", {}, h("span", { class: "citation-section" }, citation.section || nameOf(citation.path)),
      h("span", { class: "citation-place" }, [nameOf(citation.path), place(citation)].filter(Boolean).join(" \u00b7 "))));
}

function retrieved(sections) {
  if (!sections?.length) return null;
  return h("details", { class: "more" }, h("summary", {}, `What was looked at (${sections.length})`),
    h("ul", { class: "citations" }, sections.map((section) => h("li", {}, citationButton(section)))));
}

function showAnswer(parent, result) {
  const citations = result.citations ?? [];
  const refused = [h("p", { class: "refused-title" }, "The manuals do not say."),
    h("p", {}, result.reason ? `Reason: ${result.reason}` : "Nothing that was found answers this question.")];
  parent.replaceChildren(...[
    result.refused ? h("div", { class: "notice refused" }, refused) :
      h("div", { class: "answer-row" }, markdown(result.answer ?? ""), copyButton("Copy answer", () => result.answer ?? "")),
    result.quoted ? h("p", { class: "muted" }, "Quoted from the section below.") : null,
    citations.length ? h("h3", { class: "label" }, citations.length > 1 ? "Sources" : "Source") : null,
    citations.length ? h("ol", { class: "citations" }, citations.map((one, at) => h("li", {}, citationButton(one, at + 1)))) : null,
    retrieved(result.retrieved),
  ].filter(Boolean));
}

// Puts the view into panel.
export function startAsk(panel) {
  const history = [];
  const turns = h("div", { class: "turns" });
  const intro = h("p", { class: "muted intro" }, "Answers come from the manuals that the server has, with the sections they stand on. " +
    "Where the manuals do not say, that is the answer.");
  const input = h("textarea", { id: "ask-input", rows: "1", placeholder: "When is the oil changed?" });
  const fit = growWithText(input);
  const send = textButton("Ask", () => (task.isRunning ? task.stop() : ask()), { class: "button primary" });
  const task = new Task(panel, send);
  const fresh = textButton("New topic", () => {
    history.length = 0;
    turns.replaceChildren();
    fresh.hidden = true;
    input.focus();
  }, { hidden: true });

  function ask() {
    const question = input.value.trim();
    if (!question || task.isRunning) return;
    input.value = "";
    fit();
    const body = h("div", { class: "turn-answer" });
    turns.prepend(h("article", { class: "card turn", "aria-label": question }, h("h3", { class: "question" }, question), body));
    fresh.hidden = false;
    task.run({ path: "/v1/ask", body: { question, history: history.slice(-TURNS_SENT) }, place: body, waiting: "Reading the manuals",
      show: (result) => {
        showAnswer(body, result);
        if (result.refused) return "The manuals do not say.";
        if (result.answer) history.push({ question, answer: result.answer });
        return `Answer: ${result.answer}`;
      } });
  }

  sendOnEnter(input, ask);
  panel.append(h("fieldset", { class: "controls page" }, h("legend", { class: "visually-hidden" }, "Questions to the manuals"),
    h("div", { class: "page-head" }, h("h2", {}, "Ask the manuals"), fresh), intro,
    h("div", { class: "ask-box" }, h("label", { for: "ask-input", class: "visually-hidden" }, "Question"), input, send), turns));
}
