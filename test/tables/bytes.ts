import fc from "fast-check";

/** Whole bytes with a few of them changed, a piece taken out or put in, or the end cut off. */
export function damaged(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  const place = fc.nat(bytes.length - 1);
  const byte = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255));
  const changes = fc.array(fc.tuple(place, byte), { minLength: 1, maxLength: 6 }).map((list) => {
    const copy = Uint8Array.from(bytes);
    for (const [at, value] of list) copy[at] = value;
    return copy;
  });
  const word = fc.tuple(place, fc.constantFrom(0x7fffffff, -1, 0x40000000, 1 << 20, -(2 ** 31)));
  const words = word.map(([at, value]) => {
    const copy = new Uint8Array(bytes.length + 4);
    copy.set(bytes);
    new DataView(copy.buffer).setInt32(at & ~3, value, true);
    return copy.subarray(0, bytes.length);
  });
  const cut = place.map((at) => bytes.slice(0, at));
  const taken = fc
    .tuple(place, fc.integer({ min: 1, max: 64 }))
    .map(([at, size]) => join(bytes.subarray(0, at), bytes.subarray(at + size)));
  const put = fc
    .tuple(place, place, fc.integer({ min: 1, max: 64 }))
    .map(([at, from, size]) =>
      join(bytes.subarray(0, at), bytes.subarray(from, from + size), bytes.subarray(at)),
    );
  return fc.oneof(changes, changes, words, cut, taken, put);
}

function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** The place in the bytes where a byte is not a multiple of eight away from the start of its memory. */
export function unaligned(bytes: Uint8Array): Uint8Array {
  const memory = new Uint8Array(bytes.length + 1);
  memory.set(bytes, 1);
  return memory.subarray(1);
}
