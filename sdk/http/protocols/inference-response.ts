import { EkibenError } from "../../core/errors.js";
import type { Written } from "../../service/runtime.js";
import { toDatatype, type Datatype } from "../../tensor/datatype.js";
import { fromFloat16, toFloat16, toFloat16Bytes } from "../../tensor/float16.js";
import { toLittleEndian } from "../../tensor/little-endian.js";
import type { NamedTensor } from "../../tensor/named-tensor.js";
import { toFlatJson } from "../../tensor/print-nested.js";
import { HEADER_LENGTH, type InferenceRequest } from "./inference-request.js";

/** A tensor of an answer. Half floats are float32 in memory, so the datatype has to be told. */
export interface AnsweredTensor extends NamedTensor {
  readonly datatype?: Datatype;
}

export interface InferenceResponse {
  readonly model: string;
  readonly version: string;
  readonly tensors: readonly AnsweredTensor[];
}

/**
 * Writes an inference response of the Open Inference Protocol: the tensors that the request asks
 * for, each as JSON or as bytes behind it, as the request asks.
 * @throws INPUT_INVALID for a tensor that is not there.
 */
export function encodeInferenceResponse(
  request: Pick<InferenceRequest, "id" | "outputs" | "binary">,
  { model, version, tensors }: InferenceResponse,
): Written {
  const wanted = request.outputs ?? tensors.map(({ name }) => ({ name, binary: undefined }));
  const binaries: Uint8Array[] = [];
  const outputs = wanted.map(({ name, binary = request.binary }) => {
    const tensor = tensors.find((one) => one.name === name) ?? refuseOutput(name, tensors);
    const datatype = tensor.datatype ?? toDatatype(tensor.type);
    const bytes = binary ? toBytes(tensor, datatype) : undefined;
    if (bytes !== undefined) binaries.push(bytes);
    return printTensor(tensor, datatype, bytes?.length);
  });
  const id = request.id === undefined ? "" : `,"id":${JSON.stringify(request.id)}`;
  const text = `{"model_name":${JSON.stringify(model)},"model_version":${JSON.stringify(version)}${id},"outputs":[${outputs.join(",")}]}`;
  if (binaries.length === 0) return { headers: JSON_HEADERS, body: text };
  const json = Buffer.from(text);
  return {
    headers: {
      "content-type": "application/octet-stream",
      "x-content-type-options": "nosniff",
      [HEADER_LENGTH]: String(json.length),
    },
    body: Buffer.concat([json, ...binaries]),
  };
}

const JSON_HEADERS = Object.freeze({
  "content-type": "application/json",
  "x-content-type-options": "nosniff",
});

/** @throws INPUT_INVALID */
export function refuseOutput(name: string, known: readonly { name: string }[]): never {
  const names = known.map((one) => one.name).join(", ");
  throw new EkibenError("INPUT_INVALID", {
    detail: `There is no output ${JSON.stringify(name.slice(0, 100))}.`,
    hint: `Ask for ${names}, or leave \`outputs\` out.`,
    expected: names,
    received: name.slice(0, 100),
  });
}

function printTensor(tensor: AnsweredTensor, datatype: Datatype, size: number | undefined): string {
  const parameters = {
    ...tensor.parameters,
    ...(size !== undefined && { binary_data_size: size }),
  };
  const fields = [
    `"name":${JSON.stringify(tensor.name)}`,
    `"shape":[${tensor.dims.join(",")}]`,
    `"datatype":"${datatype}"`,
  ];
  if (Object.keys(parameters).length > 0) fields.push(`"parameters":${JSON.stringify(parameters)}`);
  if (size === undefined) fields.push(`"data":${printData(tensor, datatype)}`);
  return `{${fields.join(",")}}`;
}

function printData(tensor: AnsweredTensor, datatype: Datatype): string {
  switch (datatype) {
    case "INT64":
    case "UINT64":
      // In full: the clients of the protocol read integers of any length.
      return `[${(tensor.data as BigInt64Array).join(",")}]`;
    case "FP16": {
      const data = (tensor.data as Float32Array).map((value) => fromFloat16(toFloat16(value)));
      return toFlatJson({ ...tensor, data }, { nonFinite: "text" });
    }
    default:
      // `null` is no element by the schema of the protocol, text is.
      return toFlatJson(tensor, { nonFinite: "text" });
  }
}

function toBytes(tensor: AnsweredTensor, datatype: Datatype): Uint8Array {
  return datatype === "FP16" ? toFloat16Bytes(tensor.data as Float32Array) : toLittleEndian(tensor);
}
