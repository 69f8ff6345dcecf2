import { fromBase64 } from "./base64.js";
import { ClientError } from "./client-error.js";
import type { ApiContract, OutputContract } from "./contract.js";
import { readTable } from "./read-table.js";
import { readTensor, reviveTensor } from "./read-tensor.js";
import { refuseAnswer } from "./read-problem.js";

const JSON_TYPE = "application/json";

export interface ReadOptions {
  requestId: string;
  /** The media type that the caller asked for, in which the answer is given as it comes. */
  accept?: string | undefined;
}

/** The result of an answer as `service.call` gives it. @throws ANSWER_INVALID */
export async function readAnswer(
  response: Response,
  { input, output }: ApiContract,
  { requestId, accept }: ReadOptions,
): Promise<unknown> {
  const { status, headers } = response;
  const type = toMediaType(headers.get("content-type"));
  const facts = { status, requestId: headers.get("x-request-id") ?? requestId };
  const isJson = type === JSON_TYPE || type.endsWith("+json");
  const isExpected =
    isJson || output.mediaTypes.includes(type) || (accept !== undefined && matches(accept, type));
  if (status === 204 || status === 205) return undefined;
  if (!isExpected) throw refuseAnswer(response, await response.text(), facts);
  if (isJson) {
    const text = await response.text();
    if (text === "") return undefined;
    const value = parseJson(text, facts);
    return accept === undefined ? revive(value, output, input.items) : value;
  }
  if (type.startsWith("text/")) return await response.text();
  const bytes = new Uint8Array(await response.arrayBuffer());
  const dims = headers.get("x-tensor-shape");
  const dtype = headers.get("x-tensor-dtype");
  return dims === null || dtype === null ? bytes : readTensor(bytes, dtype, dims);
}

/** The media type in lower case without its parameters. */
export function toMediaType(contentType: string | null): string {
  return (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

/** @throws ANSWER_INVALID */
export function parseJson(text: string, facts: { status?: number; requestId?: string }): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ClientError("ANSWER_INVALID", {
      ...facts,
      detail: `The answer is not JSON: ${text.slice(0, 200)}`,
      cause,
    });
  }
}

/** What JSON has no word for, made again from what stands for it. */
function revive(value: unknown, output: OutputContract, items: "one" | "many"): unknown {
  switch (output.kind) {
    case "tensor":
      return reviveTensor(value, output.dtype);
    case "dataframe":
      return readTable(value, output);
    case "bytes":
    case "image":
      return items === "many" && Array.isArray(value) ? value.map(reviveBytes) : value;
    default:
      return value;
  }
}

function reviveBytes(part: unknown): unknown {
  const { b64 } = (part ?? {}) as { b64?: unknown };
  return typeof b64 === "string" ? fromBase64(b64) : part;
}

function matches(accept: string, type: string): boolean {
  return accept.split(",").some((range) => {
    const wanted = toMediaType(range);
    return wanted === type || wanted === "*/*" || wanted === type.replace(/\/.*$/s, "/*");
  });
}
