import type { Input, InputContent } from "../inputs/input.js";
import type { ApiDefinition } from "../service/definition.js";
import { describeBodies } from "./openapi-request.js";
import { decodeInferenceRequest } from "./protocols/inference-request.js";
import { readScoringRequest } from "./protocols/mlflow-request.js";
import { toMetadataTensor } from "./protocols/output-tensors.js";
import { findRequestExample, isTaken } from "./request-example.js";

const JSON_TYPE = "application/json";
const LINES_TYPE = "application/x-ndjson";

/** An example of an API as a request of another protocol; `undefined` where there is none. */
export type ProtocolExample = Readonly<Record<string, unknown>> | undefined;

/** As a request of the Open Inference Protocol, in JSON. */
export function toInferenceExample(api: ApiDefinition): ProtocolExample {
  const { input } = api;
  const described = describeExample(api);
  // A missing cell is NaN in a tensor of floats; others have no word for it.
  const rows = described.rows ?? [];
  const whole = rows.filter((row) => !Object.values(row).includes(null));
  const choices = [described, { ...described, rows: whole }].map((one) => toTensors(input, one));
  return choices
    .map((inputs) => ({ inputs: inputs ?? [] }))
    .find((request) => request.inputs.length > 0 && isInferenceRequest(input, request));
}

function isInferenceRequest(input: Input, request: object): boolean {
  return isTaken(() => {
    const { inputs } = decodeInferenceRequest(toBody(request));
    if (input.parseTensors !== undefined) return input.parseTensors(inputs);
    return input.parseJson!(JSON.parse(String(inputs[0]?.data[0])));
  });
}

interface SentTensor {
  name: string;
  shape: readonly number[];
  datatype: string;
  data: unknown;
}

/** The example of an API in the forms that its input describes. */
interface DescribedExample {
  json?: unknown;
  text?: unknown;
  /** The rows of a table. */
  rows?: readonly Readonly<Record<string, unknown>>[];
}

function describeExample(api: ApiDefinition): DescribedExample {
  const bodies: Record<string, InputContent> = describeBodies(api, findRequestExample(api));
  const lines = bodies[LINES_TYPE]?.example;
  const isTable = api.input.kind === "dataframe" && typeof lines === "string";
  return {
    json: bodies[JSON_TYPE]?.example,
    text: bodies["text/plain"]?.example,
    ...(isTable ? { rows: readLines(lines) } : {}),
  };
}

function readLines(text: string): Record<string, unknown>[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

function toTensors(
  { kind, cardinality, parseTensors, parseJson, describeTensors }: Input,
  { json, text, rows }: DescribedExample,
): SentTensor[] | undefined {
  if (parseTensors === undefined) {
    if (parseJson === undefined || json === undefined) return undefined;
    return [toTexts("input", JSON.stringify(json))];
  }
  const described = (describeTensors?.() ?? []).map(toMetadataTensor);
  if (rows !== undefined) {
    return described.flatMap(({ name, datatype }) => {
      const data = rows.map((row) => row[name] ?? null);
      const isShort =
        data.every((cell) => cell === null) || (data.includes(null) && !FLOATS.has(datatype));
      return isShort ? [] : [{ name, shape: [rows.length], datatype, data }];
    });
  }
  const [first] = described;
  if (first === undefined) return undefined;
  if (kind === "tensor" && Array.isArray(json)) {
    const data = cardinality === "one" ? [json] : json;
    return [{ name: first.name, shape: findShape(data), datatype: first.datatype, data }];
  }
  // An image is text here too: its base64.
  const words = text ?? json;
  return typeof words === "string" ? [toTexts(first.name, words)] : undefined;
}

const FLOATS: ReadonlySet<string> = new Set(["FP16", "FP32", "FP64"]);

function toTexts(name: string, text: string): SentTensor {
  return { name, shape: [1], datatype: "BYTES", data: [text] };
}

function findShape(nested: unknown): number[] {
  return Array.isArray(nested) ? [nested.length, ...findShape(nested[0])] : [];
}

/** As requests of MLflow's scoring protocol, by the field that they use. */
export function toScoringExamples(api: ApiDefinition): Record<string, ProtocolExample> {
  const { json, rows } = describeExample(api);
  const requests: Record<string, unknown>[] = [
    ...(rows === undefined || rows.length === 0 ? [] : toTables(rows)),
    ...(json === undefined ? [] : [{ inputs: json }]),
  ];
  const read = requests.filter((request) =>
    isTaken(() => readScoringRequest(toBody(request), api.input)),
  );
  return Object.fromEntries(read.map((request) => [Object.keys(request)[0]!, request]));
}

function toTables(rows: readonly Readonly<Record<string, unknown>>[]): Record<string, unknown>[] {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const data = rows.map((row) => columns.map((name) => row[name] ?? null));
  return [{ dataframe_split: { columns, data } }, { dataframe_records: rows }];
}

function toBody(value: unknown): Parameters<typeof decodeInferenceRequest>[0] {
  return { bytes: Buffer.from(JSON.stringify(value)), mediaType: JSON_TYPE, parameters: {} };
}
