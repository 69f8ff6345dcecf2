/** Plain data with the buffers that go along with it instead of being copied. */
export interface Parcel {
  readonly data: unknown;
  readonly transfer: readonly ArrayBuffer[];
}

/** As deep as the jobs and answers of engines hold their arrays. */
const DEEPEST = 4;

/**
 * Makes plain data ready for another thread. Typed arrays in objects and lists travel without being
 * written out: as they are when they are `owned`, and otherwise as a copy, because what the caller
 * holds must not vanish. A view takes only its own elements along; shared memory stays shared.
 */
export function toParcel(data: unknown, owned: boolean): Parcel {
  const transfer = new Set<ArrayBuffer>();
  const pack = (value: unknown, depth: number): unknown => {
    if (value === null || typeof value !== "object" || depth > DEEPEST) return value;
    if (ArrayBuffer.isView(value)) return packView(value);
    if (Array.isArray(value)) {
      // A list of numbers or strings, however long, has nothing in it to look for.
      const [first] = value as unknown[];
      if (first === null || typeof first !== "object") return value;
      return value.map((one) => pack(one, depth + 1));
    }
    if (Object.getPrototypeOf(value) !== Object.prototype) return value;
    const packed: Record<string, unknown> = {};
    for (const key in value) packed[key] = pack((value as Record<string, unknown>)[key], depth + 1);
    return packed;
  };
  const packView = (view: ArrayBufferView): unknown => {
    const { buffer, byteLength } = view;
    if (!(buffer instanceof ArrayBuffer) || view instanceof DataView) return view;
    if (byteLength === 0) return new (view.constructor as Float32ArrayConstructor)(0);
    const whole = owned && buffer.byteLength === byteLength && !Buffer.isBuffer(view);
    const sent = whole ? view : (view as Float32Array).slice();
    transfer.add(sent.buffer as ArrayBuffer);
    return sent;
  };
  return { data: pack(data, 0), transfer: [...transfer] };
}
