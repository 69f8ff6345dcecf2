import { EkibenError } from "../../sdk/core/errors.js";
import type { Input, Payload, StreamedBody } from "../../sdk/inputs/input.js";

export interface StreamedInput extends Input<Uint8Array, number, number[], "one"> {
  /** How often a payload of it was made, and released. */
  readonly counts: { made: number; released: number };
}

/** An input that counts the bytes of a body while it comes, up to `most` of them. */
export function countBytes(most = Number.POSITIVE_INFINITY): StreamedInput {
  const counts = { made: 0, released: 0 };
  const made = (size: number): Payload<number> => {
    counts.made++;
    return {
      items: 1,
      data: size,
      async release() {
        counts.released++;
      },
    };
  };
  return {
    kind: "bytes",
    cardinality: "one",
    counts,
    mediaTypes: ["application/octet-stream"],
    parse: ({ bytes }) => made(Math.min(bytes.byteLength, most)),
    async parseStream({ chunks, mediaType }: StreamedBody) {
      if (mediaType === "application/json") {
        throw new EkibenError("MEDIA_TYPE_UNSUPPORTED", { detail: "Send bytes." });
      }
      let size = 0;
      for await (const chunk of chunks) {
        size += chunk.byteLength;
        if (size >= most) break;
      }
      return made(Math.min(size, most));
    },
    encode: (bytes) => ({ bytes, mediaType: "application/octet-stream" }),
    toArgument: ({ data }) => data as number,
    merge: (payloads) => payloads.map(({ data }) => data as number),
    content: () => ({ "application/octet-stream": { schema: { type: "string" } } }),
    itemSchema: () => ({ type: "string" }),
  };
}
