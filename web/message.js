// One message of a conversation on the screen.
import { copyButton, growWithText, h, iconButton, seconds, sendOnEnter, textButton } from "./dom.js";
import { Markdown } from "./markdown.js";

// "12 tokens · first after 340 ms · 21.4 tok/s": what an answer took.
export function figures(stats) {
  if (!stats) return "";
  const parts = [];
  if (stats.tokens) parts.push(`${stats.tokens} tokens`);
  if (stats.firstMs != null) parts.push(`first after ${seconds(stats.firstMs)}`);
  if (stats.perSecond) parts.push(`${stats.perSecond.toFixed(1)} tok/s`);
  if (stats.promptTokens) {
    parts.push(`prompt ${stats.promptTokens}${stats.cachedTokens ? `, ${stats.cachedTokens} from cache` : ""}`);
  }
  return parts.join(" \u00b7 ");
}

const ENDINGS = {
  none: "Not answered yet.",
  stopped: "Stopped.",
  length: "Cut off: the longest answer that the settings or the context allow.",
  cut: "Cut off: the page was closed or the connection lost in the middle of this answer.",
};

// actions: {edit(message, text), regenerate(message)}; both leave the message alone while an answer is being written.
export class MessageView {
  constructor(message, actions) {
    this.message = message;
    this.actions = actions;
    this.name = message.role === "user" ? "You" : "Model";
    this.body = h("div", { class: "message-body" });
    this.foot = h("div", { class: "message-foot" });
    this.element = h("article", { class: `message ${message.role}`, "aria-label": this.name },
      h("div", { class: "message-name", "aria-hidden": "true" }, this.name), this.body, this.foot);
    if (message.role === "assistant") {
      this.thought = h("div", { class: "thought-text" });
      this.reasoning = h("details", { class: "thought", hidden: true }, h("summary", {}, "Reasoning"), this.thought);
      this.text = h("div", { class: "markdown" });
      this.waiting = h("p", { class: "waiting", hidden: true }, "Reading the prompt");
      this.notes = h("div", { class: "message-notes" });
      this.body.append(this.reasoning, this.text, this.waiting, this.notes);
      this.markdown = new Markdown(this.text);
    }
    this.update(false);
  }

  // Shows what the message is now. running: more of it comes.
  update(running) {
    const { message } = this;
    this.element.classList.toggle("dropped", Boolean(message.dropped));
    if (message.role === "user") this.body.replaceChildren(h("p", { class: "plain" }, message.content));
    else {
      this.markdown.update(message.content);
      this.reasoning.hidden = !message.reasoning;
      if (this.thought.textContent !== (message.reasoning ?? "")) this.thought.textContent = message.reasoning ?? "";
      this.waiting.hidden = !running || Boolean(message.content);
      this.waiting.textContent = message.reasoning ? "Thinking" : "Reading the prompt";
      this.element.setAttribute("aria-busy", String(running));
      this.element.classList.toggle("running", running);
    }
    if (running === this.shownRunning && running) return;
    this.shownRunning = running;
    this.showFoot(running);
  }

  showFoot(running) {
    const { message } = this;
    const ending = message.role === "assistant" && !running ? ENDINGS[message.ending] : "";
    const dropped = message.dropped ? "Not sent any more: the context is full." : "";
    const text = [dropped, ending, figures(message.stats)].filter(Boolean).join(" ");
    this.foot.replaceChildren(...(running ? [] : this.buttons()), h("span", { class: "figures" }, text));
  }

  buttons() {
    const { message, actions } = this;
    const copy = copyButton(message.role === "user" ? "Copy message" : "Copy answer", () => message.content);
    if (message.role === "user") return [copy, iconButton("pencil", "Edit and retry from here", () => this.edit())];
    const again = iconButton("again", "Write this answer again", () => actions.regenerate(message));
    return message.content ? [copy, again] : [again];
  }

  // A notice below the text, with a way on of its own where there is no text.
  note(notice) {
    this.notes.replaceChildren(notice);
    this.foot.hidden = !this.message.content;
  }

  edit() {
    const area = h("textarea", { class: "edit", "aria-label": "Edit message", rows: "2" });
    area.value = this.message.content;
    const fit = growWithText(area);
    const close = () => {
      this.update(false);
      this.foot.hidden = false;
      this.foot.querySelector("[aria-label^=Edit]")?.focus();
    };
    const send = () => {
      const text = area.value.trim();
      if (text && this.actions.edit(this.message, text)) this.foot.hidden = false;
    };
    sendOnEnter(area, send);
    area.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
    });
    this.foot.hidden = true;
    this.body.replaceChildren(area, h("div", { class: "row end" },
      h("span", { class: "muted grow" }, "What came after this message is written again."),
      textButton("Cancel", close), textButton("Send", send, { class: "button primary" })));
    fit();
    area.focus();
  }
}
