import { EkibenError } from "../core/errors.js";
import { describeBase64, parseBase64, printBase64 } from "./base64-list.js";
import { asBuffer, toBytes } from "./bytes.js";
import { BYTES_TYPE, JSON_TYPE, checkMediaType } from "./media-types.js";
import type { Output, OutputSlice } from "./output.js";

/** Bytes as a handler returns them. */
export type BytesItem = ArrayBufferView | ArrayBuffer;

const MANY = Object.freeze([JSON_TYPE]);

/**
 * Writes bytes as they are. The outputs of a request of many items are JSON, a list of `{"b64": "…"}`.
 * @param mediaType what the bytes are. @default "application/octet-stream"
 * @throws SERVICE_INVALID for what is no media type.
 * @example bytesOutput("audio/wav")
 */
export function bytesOutput(mediaType: string = BYTES_TYPE): Output<BytesItem, Uint8Array, false> {
  checkMediaType("bytesOutput", mediaType);
  const one = Object.freeze([mediaType]);
  return Object.freeze({
    kind: "bytes",
    streams: false,
    mediaTypes: (cardinality) => (cardinality === "one" ? one : MANY),
    write(outputs, { cardinality }) {
      const parts = readParts(outputs);
      return cardinality === "one" ? parts[0]! : printBase64(parts);
    },
    read: (body, { cardinality }) =>
      cardinality === "one" ? Uint8Array.from(body) : parseBase64(body),
    toTensors(outputs) {
      const data = readParts(outputs).map((bytes) => asBuffer(bytes).toString("base64"));
      const parameters = { content_type: "base64" };
      return [{ name: "output", type: "string", dims: [data.length], data, parameters }];
    },
    describeTensors: () => [{ name: "output", dtype: "string", shape: [null] }],
    content: (cardinality) =>
      cardinality === "one"
        ? { [mediaType]: { schema: { type: "string", format: "binary" } } }
        : { [JSON_TYPE]: { schema: describeBase64() } },
  } satisfies Output<BytesItem, Uint8Array, false>);
}

function readParts(outputs: OutputSlice): Uint8Array[] {
  return outputs.values().map((value, index) => {
    const bytes = toBytes(value);
    if (bytes !== undefined) return bytes;
    const received = value === null ? "null" : typeof value;
    throw new EkibenError("OUTPUT_INVALID", {
      detail: `Output ${index} is no bytes but ${received}.`,
      hint: "Return a Uint8Array, such as a Buffer.",
      expected: "a Uint8Array",
      received,
    });
  });
}
