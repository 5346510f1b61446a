// A log in the browser: reading a file as text, its lines by number, the references in a summary.

const LINE_KEPT = 2000;

// Throws an Error with a sentence for a person where a request of this many bytes is larger than the server takes.
export function requireSize(name, size, limit) {
  if (size <= limit) return;
  throw new Error(`${name} makes a request of ${size} bytes, and this server takes at most ${limit}. ` +
    "The program reads logs of any size: thimble summarize -f FILE");
}

// The text of a file; throws an Error with a sentence for a person where it is no text or larger than limit bytes.
export async function readLog(file, limit) {
  requireSize(file.name, file.size, limit);
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) throw new Error(`${file.name} is compressed. Unpack it first.`);
  const wide = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
  if (wide === "utf-8" && bytes.subarray(0, 4096).filter((byte) => byte === 0).length > 16) {
    throw new Error(`${file.name} is a binary file, no log.`);
  }
  return new TextDecoder(wide).decode(bytes);
}

export class LogLines {
  constructor(text) {
    this.lines = text.split("\n");
    if (this.lines.at(-1) === "") this.lines.pop();
  }
  get count() { return this.lines.length; }
  // Lines first to last, counted from 1, with `around` more on each side, at most `most`: [{number, text, inside}].
  slice(first, last, around, most) {
    const begin = Math.max(1, first - around), end = Math.min(this.count, last + around, begin + most - 1);
    const result = [];
    for (let number = begin; number <= end; number++) {
      const text = this.lines[number - 1].replace(/\r$/, "");
      result.push({ number, text: text.length > LINE_KEPT ? `${text.slice(0, LINE_KEPT)}\u2026` : text,
        inside: number >= first && number <= last });
    }
    return result;
  }
}

// "a [L3-L7] b" as ["a ", {first: 3, last: 7}, " b"].
export function splitReferences(summary) {
  const parts = [];
  let from = 0;
  for (const match of summary.matchAll(/\[L(\d{1,9})(?:\s*[-\u2013]\s*L?(\d{1,9}))?\]/g)) {
    parts.push(summary.slice(from, match.index), { first: Number(match[1]), last: Number(match[2] ?? match[1]) });
    from = match.index + match[0].length;
  }
  parts.push(summary.slice(from));
  return parts.filter((part) => part !== "");
}
