import { EkibenError } from "../core/errors.js";
import type { CheckedOnnxFile } from "./onnx-check.js";
import { printPath } from "./model-file.js";

/** What onnxruntime says about a model that it does not load, in the words of who exported it. */
export function toOnnxRefusal({ path, facts }: CheckedOnnxFile, cause: unknown): EkibenError {
  const message = (cause as Error).message;
  const reason = toPlainReason(message);
  const opsets = Object.entries(facts.opsets).map(
    ([domain, version]) => `${domain || "ai.onnx"} ${version}`,
  );
  const written = [facts.producer, ...opsets].filter(Boolean).join(", ");
  const file = `${printPath(path)}${written === "" ? "" : ` (${written})`}`;
  if (isMemoryFault(message)) {
    return new EkibenError("MODEL_MEMORY_EXCEEDED", {
      detail: `Opening ${file} takes more memory than this machine has: ${reason}`,
      hint: "Give the process more memory, or serve a smaller model.",
      cause,
    });
  }
  const known = findCause(reason, facts.opsets);
  return new EkibenError("MODEL_FILE_INVALID", {
    detail: `onnxruntime cannot load ${file}: ${known?.what ?? reason}`,
    hint: known?.hint ?? "Check the file in Python with onnx.checker.check_model(path).",
    cause,
  });
}

interface KnownCause {
  what: string;
  hint: string;
}

function findCause(
  reason: string,
  opsets: Readonly<Record<string, number>>,
): KnownCause | undefined {
  const operator = findOperator(reason);
  if (operator !== undefined) return toOperatorCause(operator, opsets);
  const ir = /Unsupported model IR version: (\d+), max supported IR version: (\d+)/.exec(reason);
  if (ir !== null) {
    return {
      what: `it has the IR version ${ir[1]}, and this onnxruntime reads them up to ${ir[2]}.`,
      hint: `Update onnxruntime-node, or save the model in Python with model.ir_version = ${ir[2]}.`,
    };
  }
  const element = /Unsupported data type: (\d+)/.exec(reason);
  if (element !== null) {
    const name = ELEMENT_TYPES[Number(element[1])] ?? `element type ${element[1]}`;
    return {
      what: `an input or output holds ${name}, which JavaScript has no numbers for.`,
      hint: "Export the model in float32 or float16, or cast its inputs and outputs inside of the model.",
    };
  }
  const opset = /Opset (\d+) is under development.*domain (\S+) is till opset (\d+)/.exec(reason);
  if (opset !== null) {
    const version = opset[2] === "ai.onnx" ? `opset_version=${opset[3]}` : `opset ${opset[3]}`;
    return {
      what: `it was written for opset ${opset[1]} of the domain ${opset[2]}, and this onnxruntime knows it till opset ${opset[3]}.`,
      hint: `Export the model again with an older operator set, such as ${version}.`,
    };
  }
  return undefined;
}

/** TensorProto.DataType, of the types that onnxruntime-node does not hand over. */
const ELEMENT_TYPES: Readonly<Record<number, string>> = {
  14: "complex64",
  15: "complex128",
  16: "bfloat16",
  17: "float8e4m3fn",
  18: "float8e4m3fnuz",
  19: "float8e5m2",
  20: "float8e5m2fnuz",
  23: "float4e2m1",
};

interface Operator {
  name: string;
  domain: string;
  /** The operator set that the model asks for, when onnxruntime knows the operator in another. */
  since?: string | undefined;
}

function findOperator(reason: string): Operator | undefined {
  const custom = /([\w.]+):(\w+)\(-?\d+\) is not a registered function\/op/.exec(reason);
  if (custom !== null) return { domain: custom[1]!, name: custom[2]! };
  const node = /In Node, \(".*?", (\w+), "([^"]*)"/.exec(reason);
  if (node !== null && /No Op registered|No opset import/.test(reason)) {
    return { domain: node[2]! || "ai.onnx", name: node[1]! };
  }
  const missing = /Could not find an implementation for (?:([\w.]+)[:.])?(\w+)\((\d+)\)/.exec(
    reason,
  );
  if (missing === null) return undefined;
  return { domain: missing[1] ?? "ai.onnx", name: missing[2]!, since: missing[3] };
}

function toOperatorCause(
  { name, domain, since }: Operator,
  opsets: Readonly<Record<string, number>>,
): KnownCause {
  const version = opsets[domain] ?? (domain === "ai.onnx" ? opsets[""] : undefined);
  const asked = version === undefined ? "which the file does not import" : `opset ${version}`;
  if (since !== undefined) {
    return {
      what: `the operator ${domain}:${name} is not implemented as opset ${since} has it, or not for its element types (the model asks for ${asked}).`,
      hint: "Export the model again with opset_version=17, in float32.",
    };
  }
  return {
    what: `onnxruntime has no operator ${domain}:${name} (${asked}).`,
    hint: "Export the model with standard ONNX operators only; operators of your own cannot be served.",
  };
}

/** Whether onnxruntime got no memory, which it says in one of these ways. */
export function isMemoryFault(message: string): boolean {
  return /bad_alloc|Failed to allocate memory|Available memory of/.test(message);
}

/** onnxruntime's message without the file of its own source and the signature in front of it. */
export function toPlainReason(message: string): string {
  const plain = message
    .replace(/^Load model from .*? failed:/s, "")
    .replace(/\S*[\\/]onnxruntime[\\/]core[\\/]\S+:\d+ .*?\) (?=[A-Z])/s, "")
    .replace(/\s+/g, " ")
    .trim();
  return /[.!?"]$/.test(plain) ? plain : `${plain}.`;
}
