import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from "node:zlib";

/** Numbers that lengths and offsets in binary formats are afraid of. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];
const BAD_TEXT = ["ff", "c328", "e28228", "eda080", "f8a1a1a1a1", "00", "efbbbf", "c0af", "1a"];

/** @type {Record<string, (body: Buffer, choice: any, other: Buffer) => Buffer>} */
export const BYTE_CHANGES = {
  "flipped bits"(body, choice) {
    const copy = Buffer.from(body);
    for (let left = 1 + choice.size(8); left > 0 && copy.length > 0; left--) {
      copy[choice.below(copy.length)] ^= 1 << choice.below(8);
    }
    return copy;
  },
  "cut short": (body, choice) => body.subarray(0, choice.below(body.length + 1)),
  "cut in front": (body, choice) => body.subarray(choice.below(body.length + 1)),
  "bytes put in": (body, choice) => insert(body, choice.bytes(choice.size(300)), choice),
  "no text put in": (body, choice) => insert(body, Buffer.from(choice.of(BAD_TEXT), "hex"), choice),
  "a part taken out"(body, choice) {
    const from = choice.below(body.length + 1);
    return Buffer.concat([body.subarray(0, from), body.subarray(from + choice.size(64))]);
  },
  "a part twice"(body, choice) {
    const from = choice.below(body.length + 1);
    const part = body.subarray(from, from + choice.size(500));
    return Buffer.concat([body.subarray(0, from), part, body.subarray(from)]);
  },
  "an edge number"(body, choice) {
    const copy = Buffer.from(body);
    const width = choice.of([1, 2, 4]);
    if (copy.length < width) return copy;
    const value = choice.of(EDGES) % 2 ** (8 * width);
    copy.writeUIntLE(value, choice.below(copy.length - width + 1), width);
    return copy;
  },
  "spliced with another body"(body, choice, other) {
    const end = choice.below(body.length + 1);
    return Buffer.concat([body.subarray(0, end), other.subarray(choice.below(other.length + 1))]);
  },
  zeros(body, choice) {
    const copy = Buffer.from(body);
    const from = choice.below(copy.length + 1);
    return copy.fill(0, from, Math.min(copy.length, from + choice.size(200)));
  },
  "a BOM in front": (body) => Buffer.concat([Buffer.from("efbbbf", "hex"), body]),
  "in UTF-16": (body, choice) => {
    const wide = Buffer.from(body.toString("utf8"), "utf16le");
    return choice.chance(0.5) ? wide : Buffer.concat([Buffer.from("fffe", "hex"), wide]);
  },
  "nothing at all": () => Buffer.alloc(0),
  noise: (_body, choice) => choice.bytes(choice.size(2000)),
};

function insert(body, part, choice) {
  const at = choice.below(body.length + 1);
  return Buffer.concat([body.subarray(0, at), part, body.subarray(at)]);
}

const quick = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
const PACK = {
  gzip: (body) => gzipSync(body, { level: 1 }),
  "x-gzip": (body) => gzipSync(body, { level: 1 }),
  deflate: (body) => deflateSync(body, { level: 1 }),
  br: (body) => brotliCompressSync(body, quick),
};

/** Made once: what unpacks to far more than any API reads. */
const bombs = new Map();

function bombOf(coding) {
  if (!bombs.has(coding)) bombs.set(coding, PACK[coding](Buffer.alloc(32 * 1024 * 1024)));
  return bombs.get(coding);
}

/**
 * Packs a body, rightly or not.
 * @returns {{ what: string, body: Buffer, coding: string }}
 */
export function packBody(body, choice) {
  const coding = choice.of(Object.keys(PACK));
  const other = choice.of(Object.keys(PACK));
  const packed = PACK[coding](body);
  const kinds = {
    packed: () => [packed, coding],
    "packed twice": () => [PACK[other](packed), `${coding}, ${other}`],
    "packed twice, told once": () => [PACK[other](packed), other],
    "packed and broken": () => [
      BYTE_CHANGES[choice.of(["flipped bits", "cut short", "bytes put in"])](packed, choice),
      coding,
    ],
    "packed in another way than told": () => [packed, other],
    "told and not packed": () => [body, coding],
    "packed without a header of its own": () => [deflateRawSync(body), "deflate"],
    "followed by more": () => [Buffer.concat([packed, packed]), coding],
    "a coding that is none": () => [
      body,
      choice.of([
        "zstd",
        "",
        ",",
        "gzip;q=1",
        "GZIP ",
        "identity",
        "__proto__",
        "gzip,gzip,gzip,gzip",
      ]),
    ],
  };
  const bomb = choice.chance(0.02);
  const what = bomb ? "a bomb" : choice.of(Object.keys(kinds));
  const [changed, told] = bomb ? [bombOf(coding), coding] : kinds[what]();
  return { what, body: changed, coding: told };
}
