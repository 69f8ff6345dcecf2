/** Thrown for bytes that are no struct of Thrift's compact protocol. */
export class ThriftFault extends Error {}

/** A struct by the numbers of its fields. */
export type ThriftStruct = ReadonlyMap<number, ThriftValue>;
export type ThriftValue =
  | boolean
  | number
  | bigint
  | Uint8Array
  | readonly ThriftValue[]
  | ThriftStruct;

const DEEPEST = 24;
const LONGEST_VARINT = 10;

/**
 * Reads a struct of Thrift's compact protocol, and says where it ends. A list has to fit into the
 * bytes that are left and a number into ten of them, which other readers take for granted.
 */
export function readThrift(
  bytes: Uint8Array,
  start: number,
): { struct: ThriftStruct; end: number } {
  const reader = new ThriftReader(bytes, start);
  return { struct: reader.struct(0), end: reader.at };
}

class ThriftReader {
  at: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.at = start;
  }

  struct(depth: number): ThriftStruct {
    if (depth > DEEPEST) throw new ThriftFault("its metadata is nested too deep");
    const fields = new Map<number, ThriftValue>();
    let id = 0;
    for (;;) {
      const head = this.#byte();
      if ((head & 0x0f) === 0) return fields;
      id = head >> 4 === 0 ? Number(this.#zigzag()) : id + (head >> 4);
      fields.set(id, this.#value(head & 0x0f, depth));
    }
  }

  #value(type: number, depth: number): ThriftValue {
    switch (type) {
      case 1:
        return true;
      case 2:
        return false;
      case 3:
        return (this.#byte() << 24) >> 24;
      case 4:
      case 5:
        return Number(this.#zigzag());
      case 6:
        return this.#zigzag();
      case 7:
        return this.#take(8);
      case 8:
        return this.#take(Number(this.#varint()));
      case 9:
        return this.#list(depth);
      case 12:
        return this.struct(depth + 1);
      default:
        throw new ThriftFault("its metadata has a field of no known type");
    }
  }

  #list(depth: number): ThriftValue[] {
    if (depth > DEEPEST) throw new ThriftFault("its metadata is nested too deep");
    const head = this.#byte();
    const type = head & 0x0f;
    const size = head >> 4 === 15 ? Number(this.#varint()) : head >> 4;
    // Every element takes a byte at least.
    if (size > this.#bytes.length - this.at) {
      throw new ThriftFault("its metadata has a list that is longer than the metadata");
    }
    const values: ThriftValue[] = [];
    for (let i = 0; i < size; i++) {
      values.push(type === 1 || type === 2 ? this.#byte() === 1 : this.#value(type, depth + 1));
    }
    return values;
  }

  #byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw new ThriftFault("its metadata ends too early");
    return byte;
  }

  #take(size: number): Uint8Array {
    const end = this.at + size;
    if (end > this.#bytes.length) throw new ThriftFault("its metadata ends too early");
    const taken = this.#bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  #varint(): bigint {
    let value = 0n;
    for (let i = 0; i < LONGEST_VARINT; i++) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return value;
    }
    throw new ThriftFault("its metadata has a number that is too long");
  }

  #zigzag(): bigint {
    const value = this.#varint();
    return (value >> 1n) ^ -(value & 1n);
  }
}
