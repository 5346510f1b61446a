// The requests of a view that asks for one thing at a time: waiting, the answer or what went wrong, stopping.
import { postJson } from "./api.js";
import { announce, h, stopOnEscape } from "./dom.js";
import { errorNotice } from "./notice.js";

export class Task {
  #controller = null;

  // Escape stops; button, where there is one, says Stop while something runs.
  constructor(panel, button = null) {
    this.button = button;
    this.label = button?.textContent;
    stopOnEscape(panel, () => this.stop());
  }

  get isRunning() { return this.#controller !== null; }
  stop() { this.#controller?.abort(); }

  #set(controller) {
    this.#controller = controller;
    if (this.button) this.button.textContent = controller ? "Stop" : this.label;
  }

  // Posts body to path and fills place: with the words of waiting, then by show(result), which returns what a screen reader says. A
  // request that still runs is given up. tries: how often this one failed before.
  async run(request, tries = 0) {
    const { path, body, place, waiting, show } = request;
    this.stop();
    const controller = new AbortController();
    this.#set(controller);
    place.replaceChildren(...[waiting].flat().map((part) => (typeof part === "string" ? h("p", { class: "waiting" }, part) : part)));
    place.setAttribute("aria-busy", "true");
    try {
      announce(show(await postJson(path, body, controller.signal)));
    } catch (error) {
      if (this.#controller !== controller) return;
      if (error.name === "AbortError") place.replaceChildren(h("p", { class: "muted" }, "Stopped."));
      else {
        const retry = () => { if (!this.isRunning) this.run(request, tries + 1); };
        place.replaceChildren(errorNotice(error, { retry, tries }));
        announce(error.message);
      }
    }
    if (this.#controller !== controller) return;
    place.setAttribute("aria-busy", "false");
    this.#set(null);
  }
}
