import { EkibenError } from "../../core/errors.js";
import type { RequestBody } from "../../inputs/input.js";
import { isJsonType, parseJson, readText, refuseMediaType } from "../../inputs/json-text.js";
import type { NamedTensor } from "../../tensor/named-tensor.js";
import { mayHoldLargeIntegers, parseExactJson } from "./exact-json.js";
import { readTensor, type Fields } from "./inference-tensor.js";

/** Says how many bytes of a body are JSON; the binary data of the tensors follows them. */
export const HEADER_LENGTH = "inference-header-content-length";
const BINARY_TYPE = "application/octet-stream";

/** An inference request of the Open Inference Protocol. */
export interface InferenceRequest {
  /** Given back in the answer. */
  readonly id?: string;
  readonly inputs: readonly NamedTensor[];
  /** The tensors that the client wants, in its order; all of them when it names none. */
  readonly outputs?: readonly RequestedOutput[];
  /** Whether tensors are answered as bytes where `outputs` does not say. */
  readonly binary: boolean;
}

export interface RequestedOutput {
  readonly name: string;
  readonly binary?: boolean;
}

/**
 * Reads an inference request as JSON, or as JSON with binary data behind it (the binary tensor data
 * extension of Triton and KServe).
 * @throws BODY_MALFORMED, MEDIA_TYPE_UNSUPPORTED
 */
export function decodeInferenceRequest(body: RequestBody): InferenceRequest {
  const { mediaType } = body;
  // Triton's client names no type, or this one also for a body that is all JSON.
  if (!isJsonType(mediaType) && mediaType !== BINARY_TYPE) {
    refuseMediaType(body, ["application/json", BINARY_TYPE]);
  }
  const length = readHeaderLength(body);
  const text = readText({ ...body, bytes: body.bytes.subarray(0, length) });
  const value = parseJson(text);
  if (!isFields(value)) {
    throw malformed("The body is not a JSON object.", 'Send {"inputs": [...]}.');
  }
  const { id } = value;
  if (id !== undefined && id !== null && typeof id !== "string") {
    throw malformed("`id` is not a string.");
  }
  const parameters = readParameters(value, "the request");
  const outputs = readOutputs(value);
  return {
    ...(typeof id === "string" && { id }),
    inputs: readInputs(value, text, body.bytes.subarray(length)),
    ...(outputs !== undefined && { outputs }),
    binary: parameters?.["binary_data_output"] === true,
  };
}

function readHeaderLength({ bytes, headers }: RequestBody): number {
  const sent = headers?.get(HEADER_LENGTH) ?? null;
  if (sent === null) return bytes.length;
  if (!/^\d{1,15}$/.test(sent) || Number(sent) > bytes.length) {
    throw malformed(
      `The header Inference-Header-Content-Length is ${JSON.stringify(sent.slice(0, 40))}, and the body has ${bytes.length} bytes.`,
      "Let it be the number of bytes of the JSON at the start of the body.",
    );
  }
  return Number(sent);
}

function readInputs(value: Fields, text: string, binary: Uint8Array): NamedTensor[] {
  const inputs = listOf(value, "inputs");
  if (inputs === undefined) {
    throw malformed("The body has no list `inputs`.", 'Send {"inputs": [...]}.');
  }
  const exact = findExact(inputs, text);
  const names = new Set<string>();
  let offset = 0;
  const tensors = inputs.map((input, at) => {
    const name = nameOf(input, `inputs[${at}]`, names);
    const label = `The input ${JSON.stringify(name)}`;
    const parameters = readParameters(input, label);
    const size = readBinarySize(input, parameters, label);
    if (size === undefined)
      return readTensor({ name, label, parameters, fields: exact?.[at] ?? input });
    if (size > binary.length - offset) {
      throw malformed(
        `${label} announces ${size} bytes of binary data, and ${binary.length - offset} are left in the body.`,
        "Send the JSON's length in Inference-Header-Content-Length and the data of the tensors behind it.",
      );
    }
    const data = binary.subarray(offset, offset + size);
    offset += size;
    return readTensor({ name, label, parameters, fields: input, binary: data });
  });
  if (offset < binary.length) {
    throw malformed(
      `${binary.length - offset} bytes follow the binary data of the inputs.`,
      "Let `binary_data_size` of each input be the number of its bytes.",
    );
  }
  return tensors;
}

/** The inputs with their 64-bit integers in full, if there may be any that a double changes. */
function findExact(inputs: readonly Fields[], text: string): readonly Fields[] | undefined {
  const wide = inputs.some(({ datatype }) => datatype === "INT64" || datatype === "UINT64");
  if (!wide || !mayHoldLargeIntegers(text)) return undefined;
  return (parseExactJson(text.startsWith("\ufeff") ? text.slice(1) : text) as { inputs: Fields[] })
    .inputs;
}

function readBinarySize(
  input: Fields,
  parameters: Fields | undefined,
  label: string,
): number | undefined {
  const size = parameters?.["binary_data_size"];
  const { data } = input;
  const hasData = data !== undefined && data !== null;
  if (size === undefined) {
    if (hasData) return undefined;
    throw malformed(`${label} has no data.`, "Send `data`, or binary data and `binary_data_size`.");
  }
  if (!Number.isSafeInteger(size) || (size as number) < 0) {
    throw malformed(`${label} has a \`binary_data_size\` that is not a number of bytes.`);
  }
  if (hasData) {
    throw malformed(`${label} has both \`data\` and \`binary_data_size\`.`, "Send one of them.");
  }
  return size as number;
}

function readOutputs(value: Fields): RequestedOutput[] | undefined {
  if (value["outputs"] === undefined || value["outputs"] === null) return undefined;
  const outputs = listOf(value, "outputs");
  if (outputs === undefined) throw malformed("`outputs` is not a list.");
  // Clients send an empty list for no choice.
  if (outputs.length === 0) return undefined;
  const names = new Set<string>();
  return outputs.map((output, at) => {
    const name = nameOf(output, `outputs[${at}]`, names);
    const label = `The output ${JSON.stringify(name)}`;
    const parameters = readParameters(output, label);
    if (parameters?.["classification"] !== undefined) {
      throw malformed(`${label} asks for classification, which is not offered here.`);
    }
    const binary = parameters?.["binary_data"];
    return { name, ...(typeof binary === "boolean" && { binary }) };
  });
}

/** A list of objects. */
function listOf(value: Fields, key: string): Fields[] | undefined {
  const list = value[key];
  if (!Array.isArray(list)) return undefined;
  list.forEach((one, at) => {
    if (!isFields(one)) throw malformed(`\`${key}[${at}]\` is not an object.`);
  });
  return list as Fields[];
}

function nameOf({ name }: Fields, place: string, names: Set<string>): string {
  if (typeof name !== "string" || name === "") throw malformed(`\`${place}\` has no \`name\`.`);
  if (names.has(name)) throw malformed(`The name ${JSON.stringify(name)} is there twice.`);
  names.add(name);
  return name;
}

function readParameters({ parameters }: Fields, label: string): Fields | undefined {
  if (parameters === undefined || parameters === null) return undefined;
  if (!isFields(parameters)) throw malformed(`The \`parameters\` of ${label} are not an object.`);
  if (parameters["shared_memory_region"] !== undefined) {
    throw malformed(`${label} is in shared memory, which is not read here.`, "Send its data.");
  }
  return parameters;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(detail: string, hint?: string): EkibenError {
  return new EkibenError("BODY_MALFORMED", { detail, ...(hint !== undefined && { hint }) });
}
