import { Buffer, isAscii, isUtf8 } from "node:buffer";
import type { BatchReader } from "./arrow-batch.js";
import { brokenArrow } from "./arrow-messages.js";
import { viewAs } from "./typed-view.js";

/** Whether the value of a row is there. */
export function isValid(validity: Uint8Array | undefined, row: number): boolean {
  return validity === undefined || ((validity[row >> 3]! >> (row & 7)) & 1) === 1;
}

/**
 * The `length + 1` places where the values of an array begin and end, in steps that never go back and
 * never beyond `most` (Columnar.html, variable-size layouts).
 */
export function readOffsets(
  reader: BatchReader,
  length: number,
  large: boolean,
): ArrayLike<number> {
  // Of an empty array there may be no offsets at all.
  const bytes = reader.nextBuffer(length === 0 ? 0 : (length + 1) * (large ? 8 : 4));
  if (length === 0) return [0];
  const offsets = large
    ? Float64Array.from(viewAs(BigInt64Array, bytes, length + 1), Number)
    : viewAs(Int32Array, bytes, length + 1);
  let last = offsets[0]!;
  if (last < 0) throw brokenArrow("an array begins before its bytes");
  for (let i = 1; i <= length; i++) {
    const next = offsets[i]!;
    if (next < last) throw brokenArrow("the values of an array overlap");
    last = next;
  }
  return offsets;
}

/** Texts whose bytes stand one after the other. */
export function readTexts(
  reader: BatchReader,
  length: number,
  { validity, large }: { validity: Uint8Array | undefined; large: boolean },
): (string | null)[] {
  const offsets = readOffsets(reader, length, large);
  const start = offsets[0]!;
  const end = offsets[length]!;
  const bytes = reader.nextBuffer(end).subarray(start, end);
  const buffer = toBuffer(bytes);
  const ascii = isAscii(bytes);
  if (!ascii && !isUtf8(bytes)) throw brokenArrow("a text is not UTF-8");
  const all = ascii ? buffer.toString("latin1") : "";
  const texts: (string | null)[] = [];
  for (let row = 0; row < length; row++) {
    if (!isValid(validity, row)) {
      texts.push(null);
      continue;
    }
    const from = offsets[row]! - start;
    const to = offsets[row + 1]! - start;
    if (ascii) texts.push(all.slice(from, to));
    else {
      // What follows the first byte of a character is 10xxxxxx in UTF-8.
      if ((bytes[from]! & 0xc0) === 0x80 && to > from) throw brokenArrow("a text is not UTF-8");
      if (to < bytes.length && (bytes[to]! & 0xc0) === 0x80) {
        throw brokenArrow("a text is not UTF-8");
      }
      texts.push(buffer.toString("utf8", from, to));
    }
  }
  return texts;
}

const VIEW = 16;
const INLINE = 12;

/** Texts of views: 16 bytes each, the text itself or where it stands in one of several buffers. */
export function readTextViews(
  reader: BatchReader,
  length: number,
  validity: Uint8Array | undefined,
): (string | null)[] {
  const bytes = reader.nextBuffer(length * VIEW);
  const views = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const inline = toBuffer(bytes);
  const buffers = reader.nextVariadic().map(toBuffer);
  // Views may share a text, which is made once; other overlaps could make megabytes of each view.
  const made = buffers.map(() => new Map<number, MadeText>());
  let left = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  const texts: (string | null)[] = [];
  for (let row = 0; row < length; row++) {
    if (!isValid(validity, row)) {
      texts.push(null);
      continue;
    }
    const at = row * VIEW;
    const size = views.getInt32(at, true);
    if (size < 0) throw brokenArrow("a text has a negative length");
    if (size <= INLINE) {
      texts.push(decode(inline, at + 4, at + 4 + size));
      continue;
    }
    const which = views.getInt32(at + 8, true);
    const from = views.getInt32(at + 12, true);
    const buffer = buffers[which];
    if (buffer === undefined || from < 0 || from + size > buffer.length) {
      throw brokenArrow("a text lies outside of its buffers");
    }
    let known = made[which]!.get(from);
    if (known?.size !== size) {
      left -= size;
      if (left < 0) throw brokenArrow("the texts of an array overlap");
      known = { size, text: decode(buffer, from, from + size) };
      made[which]!.set(from, known);
    }
    texts.push(known.text);
  }
  return texts;
}

interface MadeText {
  readonly size: number;
  readonly text: string;
}

function decode(buffer: Buffer, from: number, to: number): string {
  if (!isUtf8(buffer.subarray(from, to))) throw brokenArrow("a text is not UTF-8");
  return buffer.toString("utf8", from, to);
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
