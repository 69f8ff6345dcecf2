import { readSync } from "node:fs";

/** Bytes of the file that a message comes from, taken over as they are. */
export interface FileRange {
  readonly from: number;
  readonly to: number;
}

/** What a message is put together from. A range stays in its file until the whole is joined. */
export type Piece = Uint8Array | FileRange;

const VARINT = 0;
const DELIMITED = 2;

/** One read of a file takes at most 2 GiB. */
const LONGEST_READ = 0x4000_0000;

/** A varint; a negative number is written as its 64 bits, as protobuf has it for `int64`. */
export function writeVarint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

/** A field with a number, of the types `int32`, `int64`, `uint64`, `bool` and enumerations. */
export function writeNumber(field: number, value: number | bigint): Piece[] {
  return [writeVarint(field * 8 + VARINT), writeVarint(value)];
}

/** A field with a text or with a message in it. */
export function writeField(field: number, content: string | readonly Piece[]): Piece[] {
  const pieces = typeof content === "string" ? [Buffer.from(content, "utf8")] : content;
  return [writeVarint(field * 8 + DELIMITED), writeVarint(countBytes(pieces)), ...pieces];
}

export function countBytes(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + lengthOf(piece), 0);
}

/**
 * The bytes of all pieces. Ranges are read straight into their place: the weights of a model are
 * in memory once.
 */
export function joinPieces(handle: number, pieces: readonly Piece[]): Uint8Array {
  const whole = Buffer.allocUnsafeSlow(countBytes(pieces));
  let at = 0;
  for (const piece of pieces) {
    if ("byteLength" in piece) whole.set(piece, at);
    else readRange(handle, piece, whole, at);
    at += lengthOf(piece);
  }
  return whole;
}

function lengthOf(piece: Piece): number {
  return "byteLength" in piece ? piece.byteLength : piece.to - piece.from;
}

function readRange(handle: number, { from, to }: FileRange, target: Buffer, at: number): void {
  for (let done = 0; done < to - from;) {
    const length = Math.min(LONGEST_READ, to - from - done);
    const count = readSync(handle, target, at + done, length, from + done);
    if (count === 0) throw new Error(`the file has shrunk: nothing is at byte ${from + done}`);
    done += count;
  }
}
