import type { Input, Payload } from "./input.js";

/** The input of an API that takes no body. */
export type NoInput = Input<void, undefined, undefined[], "one">;

const PAYLOAD: Payload = Object.freeze({ items: 1, data: undefined });

/** What an API without `input` reads: nothing, whatever was sent. */
export const none: NoInput = Object.freeze({
  kind: "none",
  cardinality: "one",
  mediaTypes: Object.freeze([]),
  parse: () => PAYLOAD,
  encode: () => ({ bytes: new Uint8Array(), mediaType: "" }),
  toArgument: () => undefined,
  merge: (payloads) => payloads.map(() => undefined),
  content: () => ({}),
  itemSchema: () => ({}),
} satisfies NoInput);
