/** What carries a body; `fetch` takes all of these. */
export type BodyContent = string | Uint8Array | Blob | ReadableStream<Uint8Array>;

/** The body of a request, as its input writes it. */
export interface EncodedBody {
  /** Absent for inputs that read nothing. */
  content?: BodyContent;
  /** With its parameters, such as `multipart/form-data; boundary=x`. */
  mediaType?: string;
  /** Further headers that say how to read it. */
  headers?: Readonly<Record<string, string>>;
  /** The name of a file, which goes with it. */
  fileName?: string;
  /** How many items it carries, where that is known. */
  items?: number;
}

/** The bytes of any view or buffer as they lie in memory; `undefined` for other values. */
export function toBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  return isBuffer(value) ? new Uint8Array(value) : undefined;
}

/** Told by their tags, so that those of another realm, such as a frame of a page, count as well. */
function isBuffer(value: unknown): value is ArrayBuffer {
  const tag = Object.prototype.toString.call(value);
  return tag === "[object ArrayBuffer]" || tag === "[object SharedArrayBuffer]";
}

export function isBlob(value: unknown): value is Blob {
  const blob = value as Partial<Blob> | null | undefined;
  return typeof blob?.arrayBuffer === "function" && typeof blob.size === "number";
}

export function isStream(value: unknown): value is ReadableStream<Uint8Array> {
  return typeof (value as Partial<ReadableStream> | null | undefined)?.getReader === "function";
}
