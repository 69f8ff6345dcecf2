/** Why bytes are not UBJSON. */
export class UbjsonFault extends Error {
  /** Whether the bytes end before the value does. */
  readonly truncated: boolean;

  constructor(message: string, truncated = false) {
    super(message);
    this.name = "UbjsonFault";
    this.truncated = truncated;
  }
}

/** Deeper values are damaged or an attack: models nest about ten levels. */
const DEEPEST = 64;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Numbers by their marker: bytes of one, the array for many, and how to read one. */
const NUMBERS = {
  i: { size: 1, array: Int8Array, read: (view: DataView, at: number) => view.getInt8(at) },
  U: { size: 1, array: Uint8Array, read: (view: DataView, at: number) => view.getUint8(at) },
  I: { size: 2, array: Int16Array, read: (view: DataView, at: number) => view.getInt16(at) },
  l: { size: 4, array: Int32Array, read: (view: DataView, at: number) => view.getInt32(at) },
  // Beyond 2^53 inexact, which no index or count in a model is.
  L: {
    size: 8,
    array: Float64Array,
    read: (view: DataView, at: number) => Number(view.getBigInt64(at)),
  },
  d: { size: 4, array: Float32Array, read: (view: DataView, at: number) => view.getFloat32(at) },
  D: { size: 8, array: Float64Array, read: (view: DataView, at: number) => view.getFloat64(at) },
} as const;

type NumberMarker = keyof typeof NUMBERS;

function isNumberMarker(marker: string): marker is NumberMarker {
  return Object.hasOwn(NUMBERS, marker);
}

/**
 * Reads one UBJSON value (https://ubjson.org, draft 12). Arrays of one type of numbers become typed
 * arrays, objects have no prototype. Nothing is allocated that the bytes do not hold.
 * @throws UbjsonFault
 */
export function fromUbjson(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  const value = reader.value(reader.marker(), 0);
  reader.end();
  return value;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  end(): void {
    while (this.#bytes[this.#at] === 0x4e) this.#at += 1;
    if (this.#at < this.#bytes.length) throw new UbjsonFault(`bytes follow at ${this.#at}`);
  }

  /** The next marker that means something: `N` is nothing at all. */
  marker(): string {
    let marker: string;
    do {
      marker = String.fromCharCode(this.#bytes[this.#take(1)]!);
    } while (marker === "N");
    return marker;
  }

  value(marker: string, depth: number): unknown {
    if (isNumberMarker(marker)) {
      const { size, read } = NUMBERS[marker];
      return read(this.#view, this.#take(size));
    }
    switch (marker) {
      case "Z":
        return null;
      case "T":
        return true;
      case "F":
        return false;
      case "C":
        return String.fromCharCode(this.#bytes[this.#take(1)]!);
      case "S":
        return this.#text(this.#count());
      case "H":
        return Number(this.#text(this.#count()));
      case "[":
        return this.#array(this.#deeper(depth));
      case "{":
        return this.#object(this.#deeper(depth));
      default:
        throw new UbjsonFault(`byte ${this.#at - 1} is no marker: ${JSON.stringify(marker)}`);
    }
  }

  #take(size: number): number {
    const at = this.#at;
    if (size > this.#bytes.length - at) {
      throw new UbjsonFault(`the bytes end at ${this.#bytes.length}, within a value`, true);
    }
    this.#at = at + size;
    return at;
  }

  #deeper(depth: number): number {
    if (depth >= DEEPEST) throw new UbjsonFault(`values are nested deeper than ${DEEPEST} levels`);
    return depth + 1;
  }

  #text(size: number): string {
    const at = this.#take(size);
    try {
      return UTF8.decode(this.#bytes.subarray(at, at + size));
    } catch {
      throw new UbjsonFault(`the text at ${at} is not UTF-8`);
    }
  }

  #count(marker = this.marker()): number {
    const count = isNumberMarker(marker) ? this.value(marker, 0) : undefined;
    if (typeof count === "number" && Number.isSafeInteger(count) && count >= 0) return count;
    throw new UbjsonFault(`byte ${this.#at} should end a length`);
  }

  /** What stands before the elements of a container: their type and number, when they are told. */
  #head(): { type?: string; count?: number; first: string } {
    let first = this.marker();
    if (first === "$") {
      const type = this.marker();
      first = this.marker();
      if (first !== "#") throw new UbjsonFault(`byte ${this.#at - 1} should be "#"`);
      return { type, count: this.#count(), first };
    }
    return first === "#" ? { count: this.#count(), first } : { first };
  }

  #array(depth: number): unknown {
    const { type, count, first } = this.#head();
    if (type !== undefined && isNumberMarker(type)) return this.#numbers(type, count!);
    const list: unknown[] = [];
    if (count === undefined) {
      for (let marker = first; marker !== "]"; marker = this.marker()) {
        list.push(this.value(marker, depth));
      }
      return list;
    }
    this.#checkCount(count, type);
    for (let i = 0; i < count; i += 1) list.push(this.value(type ?? this.marker(), depth));
    return list;
  }

  #numbers(marker: NumberMarker, count: number): ArrayLike<number> {
    const { size, array, read } = NUMBERS[marker];
    let at = this.#take(count * size);
    const values = new array(count);
    for (let i = 0; i < count; i += 1, at += size) values[i] = read(this.#view, at);
    return values;
  }

  #object(depth: number): unknown {
    const object = Object.create(null) as Record<string, unknown>;
    const { type, count, first } = this.#head();
    if (count === undefined) {
      for (let marker = first; marker !== "}"; marker = this.marker()) {
        const key = this.#text(this.#count(marker));
        object[key] = this.value(this.marker(), depth);
      }
      return object;
    }
    this.#checkCount(count, undefined);
    for (let i = 0; i < count; i += 1) {
      const key = this.#text(this.#count());
      object[key] = this.value(type ?? this.marker(), depth);
    }
    return object;
  }

  /** Elements of the types that take no bytes would be as many as a count says. */
  #checkCount(count: number, type: string | undefined): void {
    const left = this.#bytes.length - this.#at;
    if (count > left || (type !== undefined && "ZTFN".includes(type))) {
      throw new UbjsonFault(`a container at ${this.#at} says that it has ${count} elements`, true);
    }
  }
}
