// Elements without markup: text from a model, a file or the server only ever becomes text nodes.

const SVG = "http://www.w3.org/2000/svg";

// 16 x 16 line icons, one path each.
const ICONS = {
  menu: "M2.5 4h11M2.5 8h11M2.5 12h11",
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  send: "M8 13V3.5M3.5 8L8 3.5 12.5 8",
  stop: "M4.5 4.5h7v7h-7z",
  sliders: "M2.5 5h6M12.5 5h1M2.5 11h1M7.5 11h6M10.5 3v4M5.5 9v4",
  pencil: "M3 13l.7-2.9L10.8 3l2.2 2.2-7.1 7.1zM9.3 4.5l2.2 2.2",
  copy: "M6 6h7v7H6zM10 6V3H3v7h3",
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3",
  trash: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5M6.8 7v3.5M9.2 7v3.5",
  save: "M8 2.5v7M4.8 6.7L8 9.8l3.2-3.1M3 13h10",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.8.8M11.8 11.8l.8.8M3.4 12.6l.8-.8M11.8 4.2l.8-.8",
  moon: "M13 9.6A5.5 5.5 0 0 1 6.4 3 5.5 5.5 0 1 0 13 9.6z",
  half: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 2.5v11M10.5 3.2v9.6M12.3 4.6v6.8",
};

// h("p", {class: "x", onclick: f, disabled: true}, "text", node, null): properties that are functions become listeners, false and
// null are left out, everything else is an attribute.
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// A button that shows an icon alone; its label is its name and its tooltip.
export function iconButton(name, label, onclick, properties = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...properties }, icon(name));
}

export function textButton(label, onclick, properties = {}) {
  return h("button", { type: "button", class: "button", onclick, ...properties }, label);
}

export const byId = (id) => document.getElementById(id);

// Says something to screen readers, once, without showing it.
export function announce(text) {
  const region = byId("announcer");
  region.textContent = "";
  setTimeout(() => { region.textContent = text; }, 50);
}

// A modal dialog with a heading and a close button. Escape and a press outside close it; it is gone once closed.
export function openDialog(title, content, { kind = "", onclose = () => {} } = {}) {
  const heading = h("h2", {}, title);
  const dialog = h("dialog", { class: `dialog ${kind}`, "aria-label": title },
    h("header", { class: "dialog-head" }, heading, iconButton("close", "Close", () => dialog.close())),
    h("div", { class: "dialog-body" }, content));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { dialog.remove(); onclose(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

// Asks a yes-or-no question; resolves to true only where the person agreed.
export function confirmDialog(title, text, action) {
  return new Promise((resolve) => {
    let agreed = false;
    const dialog = openDialog(title, [
      h("p", {}, text),
      h("div", { class: "row end" }, textButton("Cancel", () => dialog.close()),
        textButton(action, () => { agreed = true; dialog.close(); }, { class: "button danger" })),
    ], { kind: "small", onclose: () => resolve(agreed) });
  });
}

// Copies text; the clipboard interface is only there on https and localhost, the older command everywhere.
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { class: "offscreen", "aria-hidden": "true" });
    area.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function copyButton(label, text) {
  const button = iconButton("copy", label, async () => {
    const done = await copyText(text());
    button.classList.toggle("done", done);
    announce(done ? "Copied" : "Copying was refused by the browser");
    setTimeout(() => button.classList.remove("done"), 1500);
  });
  return button;
}

// Hands a text to the browser as a download.
export function download(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

// A field that grows with its text, up to what its style allows.
export function growWithText(area) {
  const fit = () => {
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight + 2}px`;
  };
  area.addEventListener("input", fit);
  window.addEventListener("resize", fit);
  return fit;
}

// Enter sends, Shift+Enter is a new line; a word that an input method still composes is left alone. The key goes no further: where
// sending closes a dialog, it would press the button that had opened it.
export function sendOnEnter(area, send) {
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
}

// Calls stop() on Escape while panel is the view that is seen and no dialog is open, wherever the focus is.
export function stopOnEscape(panel, stop) {
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden && !document.querySelector("dialog[open]")) stop();
  });
}

export function bytes(count) {
  const units = ["B", "KB", "MB", "GB"];
  let value = count, unit = 0;
  while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit++; }
  return `${value < 10 && unit > 1 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export const seconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10000 ? 1 : 0)} s`);
