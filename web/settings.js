// The drawer with a conversation's system prompt and sampling. An empty field leaves the choice to the server.
import { announce, h, openDialog, textButton } from "./dom.js";

const FIELDS = [
  { name: "temperature", label: "Temperature", min: 0, max: 2, step: 0.05, hint: "0 always takes the likeliest token" },
  { name: "top_p", label: "Top p", min: 0, max: 1, step: 0.01, hint: "tokens that together have this probability" },
  { name: "max_tokens", label: "Longest answer, tokens", min: 1, max: 1000000, step: 1, whole: true, hint: "an answer stops there" },
  { name: "seed", label: "Seed", min: 0, max: 4294967295, step: 1, whole: true, hint: "the same seed, the same answer" },
];

// A field's number: null where it is empty, undefined where it is none or out of range.
function valueOf(field, text) {
  if (text.trim() === "") return null;
  const value = Number(text);
  const fits = Number.isFinite(value) && value >= field.min && value <= field.max && (!field.whole || Number.isInteger(value));
  return fits ? value : undefined;
}

function numberField(field, settings, changed) {
  const id = `setting-${field.name}`;
  const input = h("input", { id, inputmode: field.whole ? "numeric" : "decimal", autocomplete: "off",
    "aria-describedby": `${id}-hint`, placeholder: "server's default", value: settings[field.name] ?? "" });
  const hint = h("p", { class: "hint", id: `${id}-hint` }, `${field.min} to ${field.max}; ${field.hint}`);
  input.addEventListener("input", () => {
    const value = valueOf(field, input.value);
    input.setAttribute("aria-invalid", String(value === undefined));
    if (value === undefined) return;
    settings[field.name] = value;
    changed();
  });
  return h("div", { class: "field" }, h("label", { for: id }, field.label), input, hint);
}

// Opens the drawer on settings, which it changes; changed() is called after each change.
export function openSettings(settings, changed) {
  const system = h("textarea", { id: "setting-system", rows: "5", placeholder: "none",
    "aria-describedby": "setting-system-hint" });
  system.value = settings.system;
  system.addEventListener("input", () => {
    settings.system = system.value;
    changed();
  });
  const fill = (dialog) => dialog.querySelector(".dialog-body").replaceChildren(
    h("div", { class: "field" }, h("label", { for: "setting-system" }, "System prompt"), system,
      h("p", { class: "hint", id: "setting-system-hint" }, "Stands before the conversation, in every request.")),
    ...FIELDS.map((field) => numberField(field, settings, changed)),
    h("p", { class: "muted" }, "These settings belong to this conversation; a new one begins with them."),
    h("div", { class: "row end" }, textButton("Back to the defaults", () => {
      for (const field of FIELDS) settings[field.name] = null;
      changed();
      fill(dialog);
      announce("Sampling settings are the server's defaults");
    }), textButton("Done", () => dialog.close(), { class: "button primary" })));
  const dialog = openDialog("Settings", [], { kind: "drawer" });
  fill(dialog);
}
