import type { InputPart } from "../inputs/input.js";
import type { InputContract } from "./contract.js";
import { isBlob, isStream, toBytes, type EncodedBody } from "./encoded-body.js";
import { describe, encodeFile, encodeImage } from "./encode-file.js";
import { encodeForm } from "./encode-form.js";
import { encodeTable } from "./encode-table.js";
import { encodeTensor } from "./encode-tensor.js";
import { printJson } from "./json-text.js";
import { refuseCall } from "./client-error.js";

const JSON_TYPE = "application/json";
const OCTETS = "application/octet-stream";

/** Writes what a caller gives as the body that an input reads. @throws CALL_INVALID */
export function encodeInput(input: InputContract | InputPart, value: unknown): EncodedBody {
  switch (input.kind) {
    case "none":
      return {};
    case "json":
      return { content: printJson(value), mediaType: JSON_TYPE };
    case "dataframe":
      return encodeTable(input, value);
    case "tensor":
      return encodeTensor(input, value);
    case "text":
      return encodeText(value);
    case "image":
      return encodeImage(value);
    case "file":
      return encodeFile(input, value);
    case "form":
      return encodeForm(input.parts ?? {}, value, encodeInput);
    default:
      return encodeDefined(input, value);
  }
}

function encodeText(value: unknown): EncodedBody {
  if (typeof value === "string") return { content: value, mediaType: "text/plain; charset=utf-8" };
  throw refuseCall(`A text is expected, and ${describe(value)} came.`);
}

/** An input that the author of the service has defined: bytes and text as they are, otherwise JSON. */
function encodeDefined(
  { mediaTypes }: Pick<InputContract, "mediaTypes">,
  value: unknown,
): EncodedBody {
  const [first = JSON_TYPE] = mediaTypes;
  const mediaType = first.includes("*") ? OCTETS : first;
  if (isBlob(value))
    return { content: value, mediaType: value.type === "" ? mediaType : value.type };
  const content = isStream(value) ? value : toBytes(value);
  if (content !== undefined) return { content, mediaType };
  return { content: typeof value === "string" ? value : printJson(value), mediaType };
}
