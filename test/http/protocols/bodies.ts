import type { RequestBody } from "../../../sdk/inputs/input.js";
import type { NamedTensor } from "../../../sdk/tensor/named-tensor.js";

/** A body as the codecs get it from the server. */
export function toBody(
  content: string | object | Uint8Array,
  headers: Record<string, string> = {},
): RequestBody {
  const sent = new Headers(headers);
  const bytes =
    content instanceof Uint8Array
      ? content
      : Buffer.from(typeof content === "string" ? content : JSON.stringify(content));
  return {
    bytes,
    mediaType: sent.get("content-type") ?? "",
    parameters: {},
    headers: sent,
  };
}

/** A body of JSON with binary data behind it, as the binary tensor data extension has it. */
export function toBinaryBody(
  json: object,
  data: readonly Uint8Array[],
  length?: string,
): RequestBody {
  const text = Buffer.from(JSON.stringify(json));
  return toBody(Buffer.concat([text, ...data]), {
    "inference-header-content-length": length ?? String(text.length),
    "content-type": "application/octet-stream",
  });
}

/** What of a tensor tells it from others, for comparisons. */
export function facts({ name, type, dims, data }: NamedTensor): object {
  return { name, type, dims: [...dims], data: Array.from(data as ArrayLike<unknown>) };
}
