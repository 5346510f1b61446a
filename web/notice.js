// What is shown where a request failed: what happened in plain words, how long to wait, and a way on.
import { onReachable } from "./api.js";
import { h, textButton } from "./dom.js";

const AUTOMATIC_TRIES = 5;

// An error in words for a person.
export function explain(error) {
  if (error.status === 429 || error.status === 503) return `The server is busy (${error.status}).`;
  if (error.status === 401 || error.status === 403) return `The server did not let this request in: ${error.message}`;
  if (error.status === 0) return error.message;
  return `The server refused this (${error.status}): ${error.message}`;
}

// A notice with a retry button, where retry is given. After 429 and 503 it counts down what the server asked for and tries again by
// itself; where the server was away, it does so once it is back, if waits is true. actions: further buttons.
export function errorNotice(error, { retry = null, waits = true, tries = 0, actions = [] } = {}) {
  const text = h("p", {}, explain(error));
  const next = h("p", { class: "muted", "aria-live": "polite" });
  const buttons = h("div", { class: "row" });
  const notice = h("div", { class: `notice error ${error.busy ? "busy" : ""}` }, text, next, buttons);
  let timer = 0, stopListening = () => {};
  const again = () => {
    settle();
    retry();
  };
  const settle = () => {
    clearInterval(timer);
    stopListening();
    next.textContent = "";
  };
  notice.settle = settle;
  if (retry) buttons.append(textButton(error.busy ? "Retry now" : "Retry", again));
  buttons.append(...actions);
  if (!retry || tries >= AUTOMATIC_TRIES) return notice;
  if (error.busy) {
    let left = error.retryAfter ?? Math.min(2 ** (tries + 1), 30);
    const show = () => { next.textContent = `Trying again in ${left} s.`; };
    next.setAttribute("aria-live", "off");  // not every second
    timer = setInterval(() => {
      if (!notice.isConnected) return settle();
      left--;
      if (left <= 0) again();
      else show();
    }, 1000);
    show();
    buttons.append(textButton("Do not wait", () => {
      settle();
      buttons.lastChild.remove();
    }));
  } else if (error.status === 0) {
    stopListening = onReachable((reachable) => {
      if (!notice.isConnected) return settle();
      if (!reachable) return;
      if (waits) again();
      else next.textContent = "The server is back.";
    });
  }
  return notice;
}
