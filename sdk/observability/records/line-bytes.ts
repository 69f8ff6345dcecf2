/** Lines are made one after the other in so many bytes, which are let go of with the last of them. */
const SHARED_BYTES = 256 * 1024;

/** What each byte takes in a JSON text at most: `\u001f`. */
export const MOST_ESCAPED = 6;

const BACKSLASH = 0x5c;
const HEXADECIMAL = 1;
/** By byte: 0 for what stands as it is, the letter of its escape, or that it has none. */
const ESCAPES = new Uint8Array(256).fill(HEXADECIMAL, 0, 0x20);
for (const [from, to] of ["\bb", "\tt", "\nn", "\ff", "\rr", '""', "\\\\"]) {
  ESCAPES[from!.charCodeAt(0)] = to!.charCodeAt(0);
}
const HEX = Buffer.from("0123456789abcdef");

const LITTLE_ENDIAN = new Uint8Array(Int32Array.of(1).buffer)[0] === 1;
/** Integers up to this are written digit by digit. */
const MOST_DIGITS = 0x7fffffff;
/** So are texts up to this, letter by letter. */
const SHORT = 64;
const ZERO = 0x30;
const POINT = 0x2e;

const NO_WORDS = new Int32Array();
const ONES = 0x01010101;
const QUOTES = 0x22222222;
const BACKSLASHES = 0x5c5c5c5c;
const SPACES = 0x20202020;
const HIGHEST = 0x80808080;

/**
 * Whether one of the four bytes of a word is a quote, a backslash or below a space. Also true for a few
 * others behind such a byte: a borrow goes on to the next one.
 */
function hasEscapes(word: number): boolean {
  const quote = word ^ QUOTES;
  const backslash = word ^ BACKSLASHES;
  const found =
    ((word - SPACES) & ~word) | ((quote - ONES) & ~quote) | ((backslash - ONES) & ~backslash);
  return (found & HIGHEST) !== 0;
}

/**
 * Makes lines as bytes: a body that came as bytes gets into its line without ever being a text, which
 * would be decoded, escaped, joined, measured and encoded again.
 */
export class LineBytes {
  /** The most bytes of a line. */
  static readonly most = SHARED_BYTES;

  #memory = Buffer.allocUnsafeSlow(SHARED_BYTES);
  #start = 0;
  #end = 0;

  /** Begins a line of at most so many bytes. */
  begin(bytes: number): void {
    if (this.#start + bytes > this.#memory.length) {
      this.#memory = Buffer.allocUnsafeSlow(SHARED_BYTES);
      this.#start = 0;
    }
    this.#end = this.#start;
  }

  /** Adds a text as it is. */
  add(text: string): void {
    this.#end += this.#memory.write(text, this.#end);
  }

  /** Adds bytes as they are. */
  addBytes(bytes: Uint8Array): void {
    this.#memory.set(bytes, this.#end);
    this.#end += bytes.byteLength;
  }

  /** Adds a number as JavaScript writes it. */
  addNumber(value: number): void {
    if (!(value >= 0 && value <= MOST_DIGITS && Number.isInteger(value))) {
      return this.add(String(value));
    }
    let end = this.#end + 1;
    for (let rest = value; rest >= 10; rest = (rest / 10) | 0) end++;
    this.#end = end;
    const memory = this.#memory;
    let rest = value;
    do {
      const tenth = (rest / 10) | 0;
      memory[--end] = ZERO + rest - 10 * tenth;
      rest = tenth;
    } while (rest > 0);
  }

  /** Adds a number of thousandths as JavaScript writes the thousandth part of it. */
  addThousandths(count: number): void {
    if (!(count >= 0 && count <= MOST_DIGITS)) return this.add(String(count / 1000));
    const whole = (count / 1000) | 0;
    this.addNumber(whole);
    let rest = count - 1000 * whole;
    if (rest === 0) return;
    const memory = this.#memory;
    memory[this.#end++] = POINT;
    for (let place = 100; rest > 0; place = place === 100 ? 10 : 1) {
      const digit = (rest / place) | 0;
      memory[this.#end++] = ZERO + digit;
      rest -= digit * place;
    }
  }

  /** Adds a text as it stands inside a text of JSON, and answers how many bytes it has in UTF-8. */
  addEscapedText(text: string): number {
    const { length } = text;
    const begin = this.#end;
    if (length <= SHORT) {
      let at = 0;
      for (let letter = 0; at < length && (letter = text.charCodeAt(at)) < 0x80; at++) {
        this.#addByte(letter);
      }
      if (at === length) return length;
      this.#end = begin;
    }
    this.add(JSON.stringify(text).slice(1, -1));
    return Buffer.byteLength(text);
  }

  /** Adds UTF-8 as it stands inside a text of JSON, as `JSON.stringify` writes it. */
  addEscaped(bytes: Uint8Array): void {
    const { length, byteOffset } = bytes;
    const memory = this.#memory;
    // Four bytes at once, from where words can begin.
    const hasWords = LITTLE_ENDIAN && length >= 8;
    const first = hasWords ? -byteOffset & 3 : length;
    const words = hasWords
      ? new Int32Array(bytes.buffer, byteOffset + first, (length - first) >> 2)
      : NO_WORDS;
    for (let at = 0; at < first; at++) this.#addByte(bytes[at]!);
    let end = this.#end;
    for (let at = 0; at < words.length; at++) {
      const word = words[at]!;
      if (hasEscapes(word)) {
        this.#end = end;
        this.#addByte(word & 0xff);
        this.#addByte((word >> 8) & 0xff);
        this.#addByte((word >> 16) & 0xff);
        this.#addByte(word >>> 24);
        end = this.#end;
        continue;
      }
      memory[end] = word & 0xff;
      memory[end + 1] = (word >> 8) & 0xff;
      memory[end + 2] = (word >> 16) & 0xff;
      memory[end + 3] = word >>> 24;
      end += 4;
    }
    this.#end = end;
    for (let at = first + 4 * words.length; at < length; at++) this.#addByte(bytes[at]!);
  }

  #addByte(byte: number): void {
    const memory = this.#memory;
    const escape = ESCAPES[byte]!;
    if (escape === 0) {
      memory[this.#end++] = byte;
      return;
    }
    memory[this.#end++] = BACKSLASH;
    if (escape !== HEXADECIMAL) {
      memory[this.#end++] = escape;
      return;
    }
    this.#end += memory.write("u00", this.#end, "latin1");
    memory[this.#end++] = HEX[byte >> 4]!;
    memory[this.#end++] = HEX[byte & 15]!;
  }

  /** The line, for good. */
  take(): Uint8Array {
    const line = this.#memory.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return line;
  }
}
