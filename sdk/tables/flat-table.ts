/** What is left of the work that checking a flatbuffer may take, so that references to the same bytes cannot multiply it. */
export interface FlatBudget {
  left: number;
}

/** Thrown for a flatbuffer whose references lead out of its bytes. */
export class FlatFault extends Error {}

/**
 * A table of a flatbuffer (https://flatbuffers.dev/internals), each reference of which is checked
 * before it is followed. Readers of flatbuffers trust what they read: a length of 2^31 is a loop of
 * 2^31 rounds, also in ten bytes.
 */
export class FlatTable {
  readonly #view: DataView;
  /** Where it stands in the flatbuffer. */
  readonly start: number;
  readonly #vtable: number;
  readonly #fields: number;
  readonly #size: number;
  readonly #budget: FlatBudget;

  constructor(view: DataView, start: number, budget: FlatBudget) {
    this.#view = view;
    this.start = start;
    this.#budget = budget;
    this.#spend(1);
    this.#need(start, 4);
    this.#vtable = start - view.getInt32(start, true);
    this.#need(this.#vtable, 4);
    const bytes = view.getUint16(this.#vtable, true);
    this.#size = view.getUint16(this.#vtable + 2, true);
    // Readers take these as signed.
    if (bytes < 4 || bytes > 0x7fff || this.#size < 4 || this.#size > 0x7fff) {
      throw new FlatFault("a table has no right size");
    }
    this.#need(this.#vtable, bytes);
    this.#need(start, this.#size);
    this.#fields = (bytes - 4) >> 1;
  }

  /** The table at the root of a flatbuffer. */
  static root(view: DataView): FlatTable {
    if (view.byteLength < 8) throw new FlatFault("it is too short");
    const start = view.getUint32(0, true);
    return new FlatTable(view, start, { left: 4 * view.byteLength + 1024 });
  }

  uint8(field: number): number {
    const place = this.#place(field, 1);
    return place === undefined ? 0 : this.#view.getUint8(place);
  }

  int16(field: number): number {
    const place = this.#place(field, 2);
    return place === undefined ? 0 : this.#view.getInt16(place, true);
  }

  int64(field: number): bigint {
    const place = this.#place(field, 8);
    return place === undefined ? 0n : this.#view.getBigInt64(place, true);
  }

  table(field: number): FlatTable | undefined {
    const target = this.#follow(field);
    return target === undefined ? undefined : new FlatTable(this.#view, target, this.#budget);
  }

  /** The tables of a vector. */
  *tables(field: number): Generator<FlatTable> {
    const [start, length] = this.vector(field, 4);
    for (let i = 0; i < length; i++) {
      const place = start + 4 * i;
      yield new FlatTable(this.#view, this.#target(place), this.#budget);
    }
  }

  /** Where the elements of a vector start, and how many there are. */
  vector(field: number, elementSize: number): readonly [start: number, length: number] {
    const target = this.#follow(field);
    if (target === undefined) return [0, 0];
    this.#need(target, 4);
    const length = this.#view.getInt32(target, true);
    if (length < 0) throw new FlatFault("a list has a negative length");
    this.#need(target + 4, length * elementSize);
    this.#spend(length);
    return [target + 4, length];
  }

  text(field: number): string {
    const [start, length] = this.vector(field, 1);
    return new TextDecoder().decode(
      new Uint8Array(this.#view.buffer, this.#view.byteOffset + start, length),
    );
  }

  #place(field: number, size: number): number | undefined {
    if (field >= this.#fields) return undefined;
    const offset = this.#view.getUint16(this.#vtable + 4 + 2 * field, true);
    if (offset === 0) return undefined;
    if (offset + size > this.#size) throw new FlatFault("a field lies outside of its table");
    return this.start + offset;
  }

  #follow(field: number): number | undefined {
    const place = this.#place(field, 4);
    return place === undefined ? undefined : this.#target(place);
  }

  #target(place: number): number {
    const distance = this.#view.getInt32(place, true);
    if (distance <= 0) throw new FlatFault("a reference leads nowhere");
    return place + distance;
  }

  #need(start: number, size: number): void {
    if (start < 0 || start + size > this.#view.byteLength) {
      throw new FlatFault("a reference leads out of it");
    }
  }

  #spend(amount: number): void {
    this.#budget.left -= amount;
    if (this.#budget.left < 0) throw new FlatFault("its references multiply");
  }
}
