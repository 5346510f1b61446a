// Requests to the server that served this page: JSON, errors with their status, streams, the API key.
import { h, openDialog, sendOnEnter, textButton } from "./dom.js";
import { session } from "./storage.js";

const KEY = "thimble.key";

// What went wrong. status is 0 where no answer came; retryAfter is in seconds, null where the server named no time.
export class ApiError extends Error {
  constructor(message, { status = 0, type = "", retryAfter = null, detail = {} } = {}) {
    super(message);
    Object.assign(this, { status, type, retryAfter, detail });
  }
  get busy() { return this.status === 429 || this.status === 503; }
}

// "7" or an HTTP date, as seconds from now; at most an hour is believed.
export function parseRetryAfter(value, now = Date.now()) {
  if (!value) return null;
  const wait = /^\s*\d+\s*$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1000;
  return Number.isFinite(wait) ? Math.min(Math.max(Math.ceil(wait), 0), 3600) : null;
}

function errorOf(object, status, retryAfter = null) {
  const error = object?.error ?? {};
  return new ApiError(String(error.message ?? `the server answered with status ${status}`),
    { status: status || Number(error.code) || 500, type: String(error.type ?? ""), retryAfter, detail: error });
}

async function errorOfResponse(response) {
  const body = await response.json().catch(() => null);
  return errorOf(body, response.status, parseRetryAfter(response.headers.get("Retry-After")));
}

const listeners = new Set();
let reachable = true;

// Calls listener(true or false) when the server is reached again or cannot be reached any more; returns how to stop that.
export function onReachable(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function setReachable(now) {
  if (now === reachable) return;
  reachable = now;
  for (const listener of [...listeners]) listener(now);
}

let asking = null;

// One dialog, however many requests were refused meanwhile; resolves to true where a key was given.
function askForKey(message) {
  asking ??= new Promise((resolve) => {
    const field = h("input", { type: "password", id: "api-key", autocomplete: "off", spellcheck: "false" });
    let given = false;
    const use = () => {
      if (!field.value.trim()) return field.focus();
      session.setItem(KEY, field.value.trim());
      given = true;
      dialog.close();
    };
    sendOnEnter(field, use);
    const dialog = openDialog("API key", [
      h("p", {}, "This server asks for a key. It is kept until this tab is closed and sent to this server only."),
      h("p", { class: "muted" }, message),
      h("label", { for: "api-key" }, "Key"), field,
      h("div", { class: "row end" }, textButton("Use this key", use, { class: "button primary" })),
    ], { kind: "small", onclose: () => { asking = null; resolve(given); } });
    field.focus();
  });
  return asking;
}

let declined = false;

// The response of a request that was accepted; throws ApiError, or AbortError where signal aborts it. quiet: no question for a key.
async function request(path, { body, signal, quiet = false } = {}) {
  for (;;) {
    const headers = {};
    const key = session.getItem(KEY);
    if (key) headers.Authorization = `Bearer ${key}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(path, { method: body === undefined ? "GET" : "POST", headers, signal, cache: "no-store",
        body: body === undefined ? undefined : JSON.stringify(body) });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      setReachable(false);
      throw new ApiError("The server cannot be reached.");
    }
    setReachable(true);
    if (response.ok) return response;
    const error = await errorOfResponse(response);
    if (response.status !== 401 || (quiet && declined)) throw error;
    if (session.getItem(KEY) !== key) continue;  // another request has asked meanwhile
    declined = !(await askForKey(key ? "The key was not accepted." : error.message));
    if (declined) throw error;
  }
}

async function readJson(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The connection was lost before the answer was complete.");
  }
}

export const getJson = async (path, options = {}) => readJson(await request(path, options));
export const postJson = async (path, body, signal) => readJson(await request(path, { body, signal }));

// Splits an event stream (https://html.spec.whatwg.org/multipage/server-sent-events.html) into the data of its events. Comments
// and other fields are passed over. push takes any piece of the text, wherever it was cut.
export class EventSplitter {
  #rest = "";
  #data = [];
  push(piece) {
    const events = [];
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop();
    for (const raw of lines) {
      const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
      if (line.startsWith("data:")) this.#data.push(line.slice(line[5] === " " ? 6 : 5));
      if (line !== "" || this.#data.length === 0) continue;
      events.push(this.#data.join("\n"));
      this.#data = [];
    }
    return events;
  }
}

// The objects of a streamed answer, up to [DONE]. A stream that ends before it, or that carries an error, throws.
export async function* stream(path, body, signal) {
  const response = await request(path, { body, signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const splitter = new EventSplitter();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const data of splitter.push(value)) {
        if (data === "[DONE]") return;
        const object = JSON.parse(data);
        if (object.error) throw errorOf(object, 0);
        yield object;
      }
    }
  } catch (error) {
    if (error instanceof ApiError || error.name === "AbortError") throw error;
    if (error instanceof SyntaxError) throw new ApiError("The server's stream is damaged.", { status: 500 });
    setReachable(false);
  } finally {
    reader.cancel().catch(() => {});
  }
  throw new ApiError("The connection was lost in the middle of the answer.");
}
