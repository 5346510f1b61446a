// Markdown inside a paragraph: emphasis, code, links. Text in, DOM nodes out, in time about linear in the text: the stack of open
// marks is bounded, and a search for the end of code fails at most once for each length of a run of backticks.
import { h } from "./dom.js";

const MAX_OPEN = 48;
const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#39;": "'", "&nbsp;": "\u00a0" };
const WORD = /[\p{L}\p{N}_]/u;
const SPACE = /\s/;

// An address that may be opened: http or https, nothing else; null otherwise.
export function webAddress(text) {
  if (!/^https?:\/\//i.test(text)) return null;
  try {
    return new URL(text).href;
  } catch {
    return null;
  }
}

// A link where the address is one of the web; otherwise its text, with the address in brackets.
function linkNodes(children, address) {
  const href = webAddress(address);
  if (!href) return address ? [...children, ` (${address})`] : children;
  return [h("a", { href, rel: "noopener noreferrer nofollow", target: "_blank", title: href }, children)];
}

class Inline {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.frames = [{ mark: "", children: [] }];
    this.plain = "";
  }

  top() { return this.frames[this.frames.length - 1]; }

  flush() {
    if (this.plain) this.top().children.push(this.plain);
    this.plain = "";
  }

  add(node) {
    this.flush();
    this.top().children.push(node);
  }

  // Takes open marks off the stack as the text that they are, down to the frame at index.
  collapse(index) {
    this.flush();
    while (this.frames.length > index) {
      const frame = this.frames.pop();
      this.top().children.push(frame.mark, ...frame.children);
    }
  }

  open(mark) {
    if (this.frames.length > MAX_OPEN) this.plain += mark;
    else {
      this.flush();
      this.frames.push({ mark, children: [] });
    }
  }

  find(test) {
    for (let index = this.frames.length - 1; index > 0; index--) if (test(this.frames[index].mark)) return index;
    return 0;
  }

  // Closes the frame at index: what is inside becomes wrap(children).
  close(index, wrap) {
    this.collapse(index + 1);
    const { children } = this.frames.pop();
    this.top().children.push(...[wrap(children)].flat());
  }

  code() {
    const run = /`+/y;
    run.lastIndex = this.at;
    const mark = run.exec(this.text)[0];
    this.at += mark.length;
    for (let from = this.at; ;) {
      const start = this.text.indexOf(mark, from);
      if (start < 0) break;
      let end = start + mark.length;
      while (this.text[end] === "`") end++;
      if (end - start === mark.length) {
        let inside = this.text.slice(this.at, start).replaceAll("\n", " ");
        if (/^ .*[^ ].* $/s.test(inside)) inside = inside.slice(1, -1);
        this.add(h("code", {}, inside));
        this.at = end;
        return;
      }
      from = end;
    }
    this.plain += mark;
  }

  emphasis(character) {
    let end = this.at;
    while (this.text[end] === character) end++;
    const before = this.text[this.at - 1] ?? " ", after = this.text[end] ?? " ";
    let count = end - this.at;
    this.at = end;
    const inWord = character === "_" && WORD.test(before) && WORD.test(after);
    if (count > 3 || inWord || (character === "~" && count !== 2)) return void (this.plain += character.repeat(count));
    const closes = !SPACE.test(before), opens = !SPACE.test(after);
    while (closes && count > 0) {
      const index = this.find((mark) => mark[0] === character && mark.length === count) ||
        this.find((mark) => mark[0] === character && mark.length <= count);
      if (!index) break;
      count -= this.frames[index].mark.length;
      const tag = character === "~" ? "del" : this.frames[index].mark.length === 2 ? "strong" : "em";
      this.close(index, (children) => h(tag, {}, children));
    }
    if (!opens) this.plain += character.repeat(count);
    else if (count === 3) {
      this.open(character);
      this.open(character.repeat(2));
    } else if (count > 0) this.open(character.repeat(count));
  }

  closeBracket() {
    this.at++;
    const index = this.find((mark) => mark === "[" || mark === "![");
    if (!index) return void (this.plain += "]");
    const target = /\(\s*<?([^\s()<>]{0,2000}(?:\([^\s()<>]{0,200}\)[^\s()<>]{0,2000})?)>?(?:\s+"[^"\n]{0,300}")?\s{0,8}\)/y;
    target.lastIndex = this.at;
    const match = target.exec(this.text);
    if (!match) {
      this.collapse(index);
      this.plain += "]";
      return;
    }
    this.at += match[0].length;
    const image = this.frames[index].mark === "![";
    // Pictures are never loaded: that would tell another host.
    this.close(index, (children) => linkNodes(image && children.length === 0 ? ["picture"] : children, match[1]));
  }

  address() {
    const pattern = /<?(https?:\/\/[^\s<>"`*|\\]{1,2000})/iy;
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (!match) return false;
    const angle = match[0][0] === "<";
    if (angle && this.text[this.at + match[0].length] !== ">") return false;
    if (!angle && (WORD.test(this.text[this.at - 1] ?? " ") || this.find((mark) => mark === "["))) return false;
    let found = match[1];
    if (!angle) {
      found = found.replace(/[.,;:!?'\]]+$/, "");
      while (found.endsWith(")") && found.split(")").length > found.split("(").length) found = found.slice(0, -1);
    }
    if (!webAddress(found)) return false;
    this.flush();
    this.top().children.push(...linkNodes([found], found));
    this.at += angle ? found.length + 2 : found.length;
    return true;
  }

  step() {
    const character = this.text[this.at];
    switch (character) {
      case "\\": {
        const next = this.text[this.at + 1];
        const escapes = next !== undefined && /[!-/:-@[-`{-~]/.test(next);
        this.plain += escapes ? next : character;
        this.at += escapes ? 2 : 1;
        return;
      }
      case "\n":
        this.add(h("br"));
        this.at++;
        return;
      case "`": return this.code();
      case "*": case "_": case "~": return this.emphasis(character);
      case "[":
        this.open("[");
        this.at++;
        return;
      case "!":
        if (this.text[this.at + 1] !== "[") break;
        this.open("![");
        this.at += 2;
        return;
      case "]": return this.closeBracket();
      case "<": case "h": case "H":
        if (this.address()) return;
        break;
      case "&": {
        const entity = /&(?:lt|gt|amp|quot|nbsp|#39);/y;
        entity.lastIndex = this.at;
        const match = entity.exec(this.text);
        if (!match) break;
        this.plain += ENTITIES[match[0]];
        this.at += match[0].length;
        return;
      }
    }
    this.plain += character;
    this.at++;
  }

  run() {
    const special = /[\\\n`*_~[\]!<hH&]/g;
    while (this.at < this.text.length) {
      special.lastIndex = this.at;
      const match = special.exec(this.text);
      const next = match ? match.index : this.text.length;
      this.plain += this.text.slice(this.at, next);
      this.at = next;
      if (match) this.step();
    }
    this.collapse(1);
    return this.frames[0].children;
  }
}

// The nodes and strings that a piece of Markdown without blocks stands for.
export const inline = (text) => new Inline(text).run();
