// The list of conversations: beside the chat on a wide screen, in a drawer on a narrow one.
import { h, icon, openDialog, sendOnEnter, textButton } from "./dom.js";

function age(time) {
  const minutes = Math.round((Date.now() - time) / 60000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.round(minutes / 60)} h ago`;
  return new Date(time).toLocaleDateString();
}

// Fills parent with the conversations; chat: {all(), currentId(), open(id), start(), isRunning(id)}.
function fill(parent, chat, chosen) {
  const items = chat.all().map((conversation) => {
    const current = conversation.id === chat.currentId();
    const running = chat.isRunning(conversation.id);
    return h("li", {}, h("button", { type: "button", class: "conversation", "aria-current": current ? "true" : null,
      onclick: () => {
        chat.open(conversation.id);
        chosen();
      } },
    h("span", { class: "conversation-title" }, conversation.title),
    h("span", { class: "conversation-age" }, running ? "writing" : age(conversation.updated))));
  });
  const start = h("button", { type: "button", class: "button new", onclick: () => {
    chat.start();
    chosen();
  } }, icon("plus"), "New conversation");
  parent.replaceChildren(start, items.length ? h("ul", { class: "conversations", "aria-label": "Conversations" }, items) :
    h("p", { class: "muted" }, "Conversations are kept in this browser and appear here."));
}

export class ConversationList {
  #drawer = null;
  constructor(chat) {
    this.chat = chat;
    this.element = h("nav", { class: "sidebar", "aria-label": "Conversations" });
  }
  refresh() {
    fill(this.element, this.chat, () => {});
    if (this.#drawer) fill(this.#drawer, this.chat, () => this.#drawer?.closest("dialog").close());
  }
  openDrawer() {
    this.#drawer = h("div", { class: "drawer-list" });
    openDialog("Conversations", this.#drawer, { kind: "drawer left", onclose: () => { this.#drawer = null; } });
    this.refresh();
  }
}

// Asks for a title; resolves to it, or to null.
export function askTitle(title) {
  return new Promise((resolve) => {
    let result = null;
    const field = h("input", { id: "conversation-title", maxlength: "120", value: title, autocomplete: "off" });
    const use = () => {
      result = field.value.trim() || null;
      dialog.close();
    };
    sendOnEnter(field, use);
    const dialog = openDialog("Rename conversation", [h("label", { for: "conversation-title" }, "Title"), field,
      h("div", { class: "row end" }, textButton("Rename", use, { class: "button primary" }))],
    { kind: "small", onclose: () => resolve(result) });
    field.select();
  });
}
