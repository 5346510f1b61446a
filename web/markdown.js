// Markdown in blocks: paragraphs, headings, lists, quotes, code, tables, rules. HTML in it is text. A block is one element, and a
// text that grows touches only the blocks that changed, so that a streamed answer stays cheap to show.
import { copyButton, h } from "./dom.js";
import { inline } from "./inline.js";

const MAX_DEPTH = 8;
const MAX_COLUMNS = 40;
const FENCE = /^( {0,12})(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:\s+|$)(.*)$/;
const RULE = /^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^([ \t]*)([-*+]|\d{1,9}[.)])(?:[ \t]+|$)/;
const DELIMITERS = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

const indentOf = (line) => line.match(/^[ \t]*/)[0].replaceAll("\t", "    ").length;
const isBlank = (line) => line.trim() === "";
const startsTable = (lines, at) => lines[at].includes("|") && at + 1 < lines.length && lines[at + 1].includes("-") &&
  DELIMITERS.test(lines[at + 1]) && cells(lines[at]).length === cells(lines[at + 1]).length;

// Where the block that begins at `at` ends (the line after its last), and what it is.
function blockAt(lines, at) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) {
    const closing = new RegExp(`^ {0,12}${fence[2][0]}{${fence[2].length},}\\s*$`);
    let end = at + 1;
    while (end < lines.length && !closing.test(lines[end])) end++;
    return { type: "code", end: Math.min(end + 1, lines.length), closed: end < lines.length };
  }
  if (HEADING.test(line)) return { type: "heading", end: at + 1 };
  if (RULE.test(line)) return { type: "rule", end: at + 1 };
  if (QUOTE.test(line)) {
    let end = at + 1;
    while (end < lines.length && !isBlank(lines[end]) && (QUOTE.test(lines[end]) || !interrupts(lines, end))) end++;
    return { type: "quote", end };
  }
  if (ITEM.test(line)) return { type: "list", end: listEnd(lines, at) };
  if (startsTable(lines, at)) {
    let end = at + 2;
    while (end < lines.length && lines[end].includes("|") && !isBlank(lines[end])) end++;
    return { type: "table", end };
  }
  let end = at + 1;
  while (end < lines.length && !isBlank(lines[end]) && !interrupts(lines, end)) end++;
  return { type: "paragraph", end };
}

// Whether a line ends the paragraph before it.
function interrupts(lines, at) {
  const line = lines[at];
  return FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line) || startsTable(lines, at);
}

const isOrdered = (match) => /\d/.test(match[2]);

// A list goes on with items of its kind, with lines that are indented below them, and with lines that continue a paragraph.
function listEnd(lines, at) {
  const first = ITEM.exec(lines[at]);
  const indent = indentOf(lines[at]);
  let end = at + 1;
  for (let line = at + 1; line < lines.length; line++) {
    if (isBlank(lines[line])) continue;
    const item = ITEM.exec(lines[line]);
    const inside = indentOf(lines[line]) >= indent + 2;
    const sibling = item && !RULE.test(lines[line]) && isOrdered(item) === isOrdered(first);
    const continues = !item && line === end && !interrupts(lines, line);
    if (!inside && !sibling && !continues) break;
    end = line + 1;
  }
  return end;
}

function itemsOf(lines) {
  const indent = indentOf(lines[0]);
  const items = [];
  for (const line of lines) {
    const match = ITEM.exec(line);
    if (match && indentOf(line) < indent + 2) {
      items.push({ width: Math.min(match[0].length, indent + 5), lines: [line.slice(match[0].length)] });
      continue;
    }
    const item = items[items.length - 1];
    const drop = Math.min(item.width, indentOf(line));
    item.lines.push(line.replaceAll("\t", "    ").slice(drop));
  }
  return items;
}

// The cells of a row; \| and a bar within code are text.
function cells(row) {
  const parts = [""];
  let code = false;
  const line = row.trim();
  for (let at = line[0] === "|" ? 1 : 0; at < line.length; at++) {
    const character = line[at];
    if (character === "`") code = !code;
    if (character === "\\" && line[at + 1] === "|") parts[parts.length - 1] += line[++at];
    else if (character !== "|" || code) parts[parts.length - 1] += character;
    else if (at < line.length - 1) parts.push("");
  }
  return parts.slice(0, MAX_COLUMNS).map((part) => part.trim());
}

function table(lines) {
  const align = cells(lines[1]).map((mark) =>
    mark.endsWith(":") ? (mark.startsWith(":") ? "center" : "right") : "left");
  const row = (line, tag) => {
    const texts = cells(line);
    return h("tr", {}, align.map((side, column) => h(tag, { class: side }, inline(texts[column] ?? ""))));
  };
  return h("div", { class: "table-wrap", tabindex: "0", role: "group", "aria-label": "Table" },
    h("table", {}, h("thead", {}, row(lines[0], "th")), h("tbody", {}, lines.slice(2).map((line) => row(line, "td")))));
}

function codeBlock(lines, closed) {
  const fence = FENCE.exec(lines[0]);
  const body = lines.slice(1, closed ? -1 : undefined).map((line) => line.slice(Math.min(fence[1].length, indentOf(line))));
  const text = body.join("\n");
  const language = fence[3].trim().split(/\s/)[0].slice(0, 24);
  return h("div", { class: "code-block" },
    h("div", { class: "code-head" }, h("span", {}, language || "text"), copyButton("Copy code", () => text)),
    h("pre", { tabindex: "0", role: "group", "aria-label": language ? `Code, ${language}` : "Code" }, h("code", {}, text)));
}

function list(lines, depth) {
  const items = itemsOf(lines).map((item) => {
    const text = item.lines[0].replace(/^\[ \]\s/, "\u2610 ").replace(/^\[[xX]\]\s/, "\u2611 ");
    const blocks = render([text, ...item.lines.slice(1)], depth + 1);
    const content = blocks[0]?.tagName === "P" ? [...blocks[0].childNodes, ...blocks.slice(1)] : blocks;
    return h("li", {}, content);
  });
  const number = /^\s*(\d+)/.exec(lines[0]);
  return number ? h("ol", { start: Number(number[1]) }, items) : h("ul", {}, items);
}

function element(block, depth) {
  const { type, lines } = block;
  switch (type) {
    case "code": return codeBlock(lines, block.closed);
    case "heading": {
      const match = HEADING.exec(lines[0]);
      return h(`h${Math.min(match[1].length + 2, 6)}`, {}, inline(match[2].replace(/\s#+\s*$/, "").trim()));
    }
    case "rule": return h("hr");
    case "quote": return h("blockquote", {}, render(lines.map((line) => line.replace(QUOTE, "")), depth + 1));
    case "list": return list(lines, depth);
    case "table": return table(lines);
    default: return h("p", {}, inline(lines.map((line) => line.trim()).join("\n")));
  }
}

function blocksOf(lines) {
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    if (isBlank(lines[at])) {
      at++;
      continue;
    }
    const block = blockAt(lines, at);
    block.lines = lines.slice(at, block.end);
    blocks.push(block);
    at = block.end;
  }
  return blocks;
}

function render(lines, depth) {
  if (depth > MAX_DEPTH) return [h("p", {}, lines.join("\n"))];
  return blocksOf(lines).map((block) => element(block, depth));
}

// Shows a text that may grow in an element of its own.
export class Markdown {
  #shown = [];
  constructor(parent) {
    this.parent = parent;
  }
  update(text) {
    const blocks = blocksOf(text.replaceAll("\r\n", "\n").split("\n"));
    const keys = blocks.map((block) => `${block.type} ${block.closed ?? ""} ${block.lines.join("\n")}`);
    let same = 0;
    while (same < keys.length && keys[same] === this.#shown[same]) same++;
    while (this.parent.childNodes.length > same) this.parent.lastChild.remove();
    for (const block of blocks.slice(same)) this.parent.append(element(block, 0));
    this.#shown = keys;
  }
}

// The elements that a whole text stands for, in a div.
export function markdown(text) {
  const parent = h("div", { class: "markdown" });
  new Markdown(parent).update(text);
  return parent;
}
