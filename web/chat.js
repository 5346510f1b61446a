// The chat: a conversation on the screen, and the answers that are on their way to it and to others.
import { ApiError } from "./api.js";
import { dropOldest, writeAnswer } from "./answer.js";
import { askTitle, ConversationList } from "./conversations.js";
import { announce, confirmDialog, download, growWithText, h, icon, iconButton, sendOnEnter, stopOnEscape, textButton } from "./dom.js";
import { MessageView } from "./message.js";
import { errorNotice } from "./notice.js";
import { openSettings } from "./settings.js";
import * as store from "./store.js";

const SAVE_EVERY = 1000;
const SPOKEN = 1500;

export class Chat {
  constructor(panel) {
    this.panel = panel;
    this.runs = new Map();  // conversation id -> {conversation, message, controller, savedAt}
    this.views = new Map();  // message -> MessageView, of the conversation on the screen
    this.list = new ConversationList(this);
    this.build();
    const last = store.load(store.lastOpened());
    this.show(last ?? store.create());
    store.onChangeElsewhere(() => this.list.refresh());
    window.addEventListener("pagehide", () => { for (const run of this.runs.values()) this.keepPart(run); });
    stopOnEscape(panel, () => this.stop());
  }

  build() {
    this.title = h("h2", { class: "chat-title" });
    this.head = h("div", { class: "chat-head" },
      iconButton("menu", "Conversations", () => this.list.openDrawer(), { class: "icon-button only-narrow" }), this.title,
      iconButton("pencil", "Rename conversation", () => this.rename()),
      iconButton("save", "Export conversation as JSON", () => this.exportJson()),
      iconButton("trash", "Delete conversation", () => this.remove()),
      iconButton("sliders", "Settings", () => openSettings(this.current.settings, () => this.keep(this.current))));
    this.messages = h("div", { class: "messages", role: "log", "aria-live": "off", "aria-label": "Messages", tabindex: "0" });
    this.latest = h("button", { type: "button", class: "button latest", hidden: true, onclick: () => this.toEnd() }, "To the latest");
    this.input = h("textarea", { id: "chat-input", rows: "1", placeholder: "Message", "aria-label": "Message",
      "aria-describedby": "chat-hint" });
    this.fit = growWithText(this.input);
    this.sendButton = iconButton("send", "Send", () => (this.run() ? this.stop() : this.send()), { class: "icon-button send" });
    sendOnEnter(this.input, () => this.send());
    this.messages.addEventListener("scroll", () => { this.latest.hidden = this.atEnd(); });
    this.panel.append(this.list.element, h("fieldset", { class: "controls chat" },
      h("legend", { class: "visually-hidden" }, "Conversation"), this.head, this.messages,
      h("div", { class: "composer" }, this.latest, h("div", { class: "composer-box" }, this.input, this.sendButton),
        h("p", { class: "hint", id: "chat-hint" }, "Enter sends, Shift+Enter makes a new line, Esc stops. A small model can be wrong."))));
  }

  // What the list asks for.
  all() {
    const kept = store.conversations();
    for (const { conversation } of this.runs.values()) {
      if (!kept.some(({ id }) => id === conversation.id)) kept.unshift(conversation);
    }
    return kept;
  }
  currentId() { return this.current.id; }
  isRunning(id) { return this.runs.has(id); }
  open(id) { this.show(this.runs.get(id)?.conversation ?? store.load(id) ?? store.create()); }
  start() {
    this.show(store.create(this.current.settings));
    this.input.focus();
  }

  run() { return this.runs.get(this.current.id); }

  keep(conversation) {
    conversation.updated = Date.now();
    if (conversation.messages.length && !store.save(conversation)) {
      announce("The browser has no room left: this conversation is not kept");
      this.title.dataset.unsaved = "not kept: the browser has no room left";
    }
  }

  show(conversation) {
    this.current = conversation;
    store.setLastOpened(conversation.id);
    this.views.clear();
    this.messages.replaceChildren(this.empty());
    for (const message of conversation.messages) this.addView(message);
    const run = this.run();
    if (run) this.addView(run.message).update(true);
    else if (conversation.messages.at(-1)?.role === "user") this.addView({ role: "assistant", content: "", ending: "none" });
    this.refresh();
    this.toEnd();
  }

  empty() {
    return h("div", { class: "empty" }, h("img", { src: "icon.svg", alt: "", width: "40", height: "40" }),
      h("p", {}, "Ask something. It is answered on this machine."),
      h("p", { class: "muted" }, "Conversations stay in this browser."));
  }

  refresh() {
    this.title.textContent = this.current.title;
    delete this.title.dataset.unsaved;
    const running = Boolean(this.run());
    this.sendButton.setAttribute("aria-label", running ? "Stop" : "Send");
    this.sendButton.title = running ? "Stop (Esc)" : "Send (Enter)";
    this.sendButton.replaceChildren(icon(running ? "stop" : "send"));
    this.sendButton.classList.toggle("stop", running);
    this.messages.classList.toggle("busy", running);
    this.list.refresh();
  }

  addView(message) {
    const view = new MessageView(message, {
      edit: (edited, text) => this.edit(edited, text),
      regenerate: (answer) => this.regenerate(answer),
    });
    this.views.set(message, view);
    this.messages.append(view.element);
    return view;
  }

  atEnd() { return this.messages.scrollHeight - this.messages.scrollTop - this.messages.clientHeight < 60; }
  toEnd() {
    this.messages.scrollTop = this.messages.scrollHeight;
    this.latest.hidden = true;
  }

  send() {
    const text = this.input.value.trim();
    if (!text || this.run()) return;
    this.input.value = "";
    this.fit();
    this.ask(text);
  }

  ask(text) {
    const message = { role: "user", content: text };
    if (this.current.messages.length === 0) this.current.title = store.titleOf(text);
    this.dropFailed();
    this.current.messages.push(message);
    this.addView(message);
    this.keep(this.current);
    this.answer();
  }

  // Takes a failed answer without a word off the end.
  dropFailed() {
    for (const [message, view] of this.views) {
      if (this.current.messages.includes(message)) continue;
      view.element.remove();
      this.views.delete(message);
    }
  }

  truncate(from) {
    for (const message of this.current.messages.splice(from)) {
      this.views.get(message)?.element.remove();
      this.views.delete(message);
    }
    this.dropFailed();
  }

  edit(message, text) {
    if (this.run()) return false;
    const at = this.current.messages.indexOf(message);
    this.truncate(at);
    if (at === 0) this.current.title = store.titleOf(text);
    this.ask(text);
    this.input.focus();
    return true;
  }

  regenerate(answer) {
    if (this.run()) return;
    const at = this.current.messages.indexOf(answer);
    this.truncate(at < 0 ? this.current.messages.length : at);
    this.answer();
  }

  stop() { this.run()?.controller.abort(); }

  // Asks for the next answer of the conversation on the screen. tries: how often it was tried before without a word.
  async answer(tries = 0) {
    const conversation = this.current;
    if (this.run()) return;
    const message = { role: "assistant", content: "" };
    const run = { conversation, message, controller: new AbortController(), savedAt: performance.now(), idleUntil: 0 };
    this.runs.set(conversation.id, run);
    this.addView(message).update(true);
    this.refresh();
    this.toEnd();
    if (document.activeElement === document.body) this.messages.focus();  // what had the focus went with an earlier answer
    let failure = null;
    try {
      await writeAnswer(conversation, message, run.controller.signal, () => this.grown(run));
    } catch (error) {
      if (error.name === "AbortError") message.ending = "stopped";
      else failure = error instanceof ApiError ? error : new ApiError(`This page failed: ${error.message}`, { status: 500 });
    }
    this.finish(run, failure, tries);
  }

  // Draws at most once a frame, in at most about a quarter of the time, and keeps what there is about once a second.
  grown(run) {
    run.frame ??= requestAnimationFrame((now) => {
      run.frame = null;
      if (!this.runs.has(run.conversation.id)) return;
      if (now < run.idleUntil) return this.grown(run);
      const follow = this.atEnd();
      this.views.get(run.message)?.update(true);
      if (follow && this.views.has(run.message)) this.toEnd();
      const end = performance.now();
      run.idleUntil = end + 3 * (end - now);
    });
    if (performance.now() - run.savedAt >= SAVE_EVERY) this.keepPart(run);
  }

  // Keeps what there is of an answer, as one that was cut off, should nothing more come.
  keepPart(run) {
    run.savedAt = performance.now();
    const part = run.message.content ? [{ ...run.message, ending: "cut" }] : [];
    store.save({ ...run.conversation, messages: [...run.conversation.messages, ...part] });
  }

  finish(run, failure, tries) {
    const { conversation, message } = run;
    const view = this.views.get(message);
    const follow = this.atEnd();
    this.runs.delete(conversation.id);
    if (run.deleted) return;
    const said = message.content || message.reasoning;
    if (failure && said) message.ending = "cut";
    if (said) conversation.messages.push(message);
    this.keep(conversation);
    view?.update(false);
    if (failure) view?.note(this.notice(failure, conversation, message, said ? 0 : tries));
    else announce(message.ending === "stopped" ? "Stopped" : `Answer: ${this.spoken(view)}`);
    this.refresh();
    if (follow && view) this.toEnd();
  }

  spoken(view) {
    const text = view?.text.innerText ?? "ready in another conversation";
    return text.length > SPOKEN ? `${text.slice(0, SPOKEN)} (and more)` : text;
  }

  notice(error, conversation, message, tries) {
    announce(error.message);
    const retry = () => {
      if (this.current !== conversation || this.run()) return;
      const at = conversation.messages.indexOf(message);
      this.truncate(at < 0 ? conversation.messages.length : at);
      this.answer(tries + 1);
    };
    if (error.type !== "exceed_context_size_error") return errorNotice(error, { retry, waits: !message.content, tries });
    const { n_prompt_tokens: tokens, n_ctx: limit } = error.detail;
    const sent = conversation.messages.filter(({ dropped }) => !dropped);
    const text = `The conversation has ${tokens} tokens, and the model reads at most ${limit}. `;
    if (sent.length < 2) {
      return h("div", { class: "notice error" }, h("p", {}, `${text}This one message is too long: shorten it.`));
    }
    return h("div", { class: "notice error" }, h("p", {}, `${text}The oldest turns can be left out of what is sent; they stay on this page.`),
      h("div", { class: "row" }, textButton("Drop the oldest turns and retry", () => {
        dropOldest(conversation, tokens, limit);
        this.keep(conversation);
        for (const shown of this.views.values()) shown.update(false);
        retry();
      })));
  }

  async rename() {
    const conversation = this.current;
    const title = await askTitle(conversation.title);
    if (!title) return;
    conversation.title = title;
    this.keep(conversation);
    this.refresh();
  }

  async remove() {
    const conversation = this.current;
    if (!await confirmDialog("Delete conversation", `\u201c${conversation.title}\u201d is taken out of this browser for good.`, "Delete")) return;
    const run = this.runs.get(conversation.id);
    if (run) {
      run.deleted = true;
      run.controller.abort();
    }
    store.remove(conversation.id);
    this.show(store.conversations()[0] ?? store.create(conversation.settings));
    this.input.focus();
  }

  exportJson() {
    const name = this.current.title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 40) || "conversation";
    download(`${name}.json`, store.exported(this.current), "application/json");
  }
}
