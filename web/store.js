// What the browser keeps: conversations, one localStorage entry each (so that two tabs do not overwrite each other's), settings.
import { local } from "./storage.js";

const PREFIX = "thimble.chat.";
const LAST = "thimble.last";
export const SETTINGS = { system: "", temperature: null, top_p: null, max_tokens: null, seed: null };

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const isConversation = (value) => value && typeof value.id === "string" && typeof value.title === "string" &&
  Array.isArray(value.messages) && value.messages.every((message) => typeof message?.content === "string" &&
    (message.role === "user" || message.role === "assistant"));

function read(key) {
  const value = parse(local.getItem(key));
  return isConversation(value) ? { ...value, settings: { ...SETTINGS, ...value.settings } } : null;
}

// All conversations, the one that was written to last first. What another program left under our names is passed over.
export function conversations() {
  return Object.keys(local).filter((key) => key.startsWith(PREFIX)).map(read).filter(Boolean)
    .sort((a, b) => b.updated - a.updated);
}

export const load = (id) => read(PREFIX + id);

// A conversation that is not kept until something was said in it.
export function create(settings = SETTINGS) {
  const id = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const now = Date.now();
  return { id, title: "New conversation", created: now, updated: now, settings: { ...settings }, messages: [] };
}

// Returns false where the browser has no room left for it.
export function save(conversation) {
  try {
    local.setItem(PREFIX + conversation.id, JSON.stringify(conversation));
    local.setItem(LAST, conversation.id);
    return true;
  } catch {
    return false;
  }
}

export const remove = (id) => local.removeItem(PREFIX + id);
export const lastOpened = () => local.getItem(LAST) ?? "";
export const setLastOpened = (id) => local.setItem(LAST, id);

// A title from the first thing that was asked.
export function titleOf(text) {
  const line = text.trim().split("\n")[0].replace(/\s+/g, " ");
  return line.length > 48 ? `${line.slice(0, 47).trimEnd()}\u2026` : line || "New conversation";
}

// What an export holds: everything of a conversation but what only this page needs.
export function exported(conversation) {
  const { id, title, created, updated, settings, messages } = conversation;
  return JSON.stringify({ format: "thimble-conversation-1", id, title, created: new Date(created).toISOString(),
    updated: new Date(updated).toISOString(), settings, messages }, null, 2);
}

// Calls changed() when another tab changed a conversation.
export function onChangeElsewhere(changed) {
  window.addEventListener("storage", (event) => { if (event.key === null || event.key.startsWith(PREFIX)) changed(); });
}
