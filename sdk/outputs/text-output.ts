import { EkibenError } from "../core/errors.js";
import { JSON_TYPE, checkMediaType } from "./media-types.js";
import type { Output, OutputSlice } from "./output.js";
import { decodeText, parseText } from "./read-text.js";

const MANY = Object.freeze([JSON_TYPE]);

/**
 * Writes text in UTF-8. The outputs of a request of many items are JSON, a list of texts.
 * @param mediaType what the text is. @default "text/plain"
 * @throws SERVICE_INVALID for what is no media type.
 * @example textOutput("text/markdown")
 */
export function textOutput(mediaType = "text/plain"): Output<string, string, false> {
  checkMediaType("textOutput", mediaType);
  const one = Object.freeze([mediaType]);
  return Object.freeze({
    kind: "text",
    streams: false,
    mediaTypes: (cardinality) => (cardinality === "one" ? one : MANY),
    write(outputs, { cardinality }) {
      const texts = readTexts(outputs);
      return cardinality === "one" ? texts[0]! : JSON.stringify(texts);
    },
    read: (body, { cardinality }) => (cardinality === "one" ? decodeText(body) : parseText(body)),
    toTensors(outputs) {
      const data = readTexts(outputs);
      return [{ name: "output", type: "string", dims: [data.length], data }];
    },
    describeTensors: () => [{ name: "output", dtype: "string", shape: [null] }],
    content: (cardinality) =>
      cardinality === "one"
        ? { [mediaType]: { schema: { type: "string" } } }
        : { [JSON_TYPE]: { schema: { type: "array", items: { type: "string" } } } },
  } satisfies Output<string, string, false>);
}

function readTexts(outputs: OutputSlice): string[] {
  return outputs.values().map((value, index) => {
    if (typeof value === "string") return value;
    const received = value === null ? "null" : typeof value;
    throw new EkibenError("OUTPUT_INVALID", {
      detail: `Output ${index} is no text but ${received}.`,
      hint: "Return a string, or use another output.",
      expected: "a string",
      received,
    });
  });
}
