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

  /** Adds UTF-8 as it stands inside a text of JSON, as `JSON.stringify` writes it. */
  addEscaped(bytes: Uint8Array): void {
    const memory = this.#memory;
    let end = this.#end;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!;
      const escape = ESCAPES[byte]!;
      if (escape === 0) {
        memory[end++] = byte;
        continue;
      }
      memory[end++] = BACKSLASH;
      if (escape !== HEXADECIMAL) {
        memory[end++] = escape;
        continue;
      }
      end += memory.write("u00", end, "latin1");
      memory[end++] = HEX[byte >> 4]!;
      memory[end++] = HEX[byte & 15]!;
    }
    this.#end = end;
  }

  /** The line, for good. */
  take(): Uint8Array {
    const line = this.#memory.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return line;
  }
}
