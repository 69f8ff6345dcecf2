import { readSync } from "node:fs";

const WINDOW = 65_536;

/** The bytes are not a protobuf message; `cut` when they end before a field does. */
export class ProtobufError extends Error {
  constructor(
    message: string,
    readonly cut: boolean,
  ) {
    super(message);
    this.name = "ProtobufError";
  }
}

/** One field of a message: its number, how it is written, and where a length-delimited one ends. */
export interface ProtobufField {
  number: number;
  wire: number;
  /** For wire type 2: the offset after the field. */
  end: number;
}

/** One field with its place: the tag at `from`, what it holds at `body`, the next one at `to`. */
export interface ProtobufPart {
  number: number;
  wire: number;
  from: number;
  body: number;
  to: number;
}

/**
 * Reads an open protobuf file field by field through a small window, so that a large tensor is
 * skipped without reading it. Encoding: https://protobuf.dev/programming-guides/encoding
 */
export class ProtobufReader {
  position = 0;
  #window = Buffer.alloc(0);
  #start = 0;

  constructor(
    readonly handle: number,
    readonly size: number,
  ) {}

  /** The next field of a message that ends at `end`, or `undefined` when there is none. */
  field(end: number): ProtobufField | undefined {
    if (this.position >= end) return undefined;
    const tag = this.varint();
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (number === 0 || wire === 3 || wire === 4 || wire > 5) {
      throw new ProtobufError(`no field can begin at byte ${this.position - 1}`, false);
    }
    if (wire !== 2) return { number, wire, end: this.position };
    const length = this.varint();
    const after = this.position + length;
    if (after > end) {
      throw new ProtobufError(
        `field ${number} needs ${length} bytes and ${end - this.position} are left`,
        end === this.size,
      );
    }
    return { number, wire, end: after };
  }

  /** The fields of a message that begins at `from` and ends at `to`; none of them is read. */
  parts({ from, to }: { from: number; to: number }): ProtobufPart[] {
    const parts: ProtobufPart[] = [];
    this.position = from;
    for (let start = from; ; start = this.position) {
      const field = this.field(to);
      if (field === undefined) break;
      const body = this.position;
      this.skip(field);
      parts.push({ number: field.number, wire: field.wire, from: start, body, to: this.position });
    }
    if (this.position !== to) throw new ProtobufError("a field is longer than its message", false);
    return parts;
  }

  /** The text of a part. */
  textOf({ body, to }: ProtobufPart): string {
    this.position = body;
    return this.text({ end: to });
  }

  /** The number of a part; exact up to 2^53. */
  numberOf({ body }: ProtobufPart): number {
    this.position = body;
    return this.varint();
  }

  /** The `int64` values of a part, which holds one, or many in a row (packed). */
  integersOf({ wire, body, to }: ProtobufPart): bigint[] {
    this.position = body;
    if (wire === 0) return [BigInt.asIntN(64, this.#bigVarint())];
    const values: bigint[] = [];
    while (this.position < to) values.push(BigInt.asIntN(64, this.#bigVarint()));
    return values;
  }

  /** Moves past a field that nobody reads. */
  skip(field: ProtobufField): void {
    if (field.wire === 2) this.position = field.end;
    else if (field.wire === 0) this.varint();
    else this.position += field.wire === 1 ? 8 : 4;
  }

  /** A varint as a number; exact up to 2^53, which no field that ekiben reads exceeds. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count += 1) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new ProtobufError(`the number at byte ${this.position - 10} has no end`, false);
  }

  #bigVarint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new ProtobufError(`the number at byte ${this.position - 10} has no end`, false);
  }

  text(field: Pick<ProtobufField, "end">): string {
    const bytes = Buffer.alloc(field.end - this.position);
    readSync(this.handle, bytes, 0, bytes.length, this.position);
    this.position = field.end;
    return bytes.toString("utf8");
  }

  #byte(): number {
    if (this.position >= this.size) throw new ProtobufError("the file ends too early", true);
    if (
      this.position < this.#start ||
      this.position >= this.#start + this.#window.length ||
      this.#window.length === 0
    ) {
      const window = Buffer.alloc(Math.min(WINDOW, this.size - this.position));
      const count = readSync(this.handle, window, 0, window.length, this.position);
      if (count === 0) throw new ProtobufError("the file ends too early", true);
      this.#window = window.subarray(0, count);
      this.#start = this.position;
    }
    const byte = this.#window[this.position - this.#start]!;
    this.position += 1;
    return byte;
  }
}
