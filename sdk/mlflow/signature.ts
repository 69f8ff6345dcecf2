import { z } from "zod";
import { EkibenError } from "../core/errors.js";
import { MADE_AGAIN } from "../core/made-again.js";
import { TENSOR_TYPES, type TensorType } from "../tensor/tensor.js";
import type { MlModel } from "./mlmodel.js";
import { toCellSchema } from "./signature-cell.js";

/** A column of a table, as a signature names it. */
export interface SignatureColumn {
  readonly name: string;
  /** MLflow's own word: long, integer, double, float, string, boolean, datetime, binary, array, … */
  readonly type: string;
  readonly required: boolean;
}

/** A tensor, as a signature names it. */
export interface SignatureTensor {
  /** Absent when the model takes a single one. */
  readonly name?: string;
  readonly dtype: string;
  /** One entry a dimension, `null` where any size will do. */
  readonly shape: readonly (number | null)[];
}

/** A parameter that Python's `predict` would take beside the data. */
export interface SignatureParameter {
  readonly name: string;
  readonly type: string;
  readonly default: unknown;
}

/** A row of a table whose columns are known at run time only. */
export type SignatureRow = z.ZodObject<Record<string, z.ZodType>>;

/** What a model takes and gives, as it was logged. */
export interface MlflowSignature {
  /**
   * The schema of one row, for `dataframe()`.
   * @throws SCHEMA_UNSUPPORTED when the signature has tensors instead of columns.
   */
  readonly row: SignatureRow;
  /**
   * What `tensor()` takes for an item of the model.
   * @throws SCHEMA_UNSUPPORTED when the signature has columns, or several tensors.
   */
  readonly tensor: {
    readonly shape: readonly (number | null)[];
    readonly dtype: TensorType;
    readonly many: true;
  };
  /** The input example that was logged with the model: rows of a table, or nested lists. */
  readonly example: unknown;
  readonly inputs: readonly (SignatureColumn | SignatureTensor)[];
  readonly outputs: readonly (SignatureColumn | SignatureTensor)[];
  /** Not passed on by anything here: what they do belongs into the handler. */
  readonly params: readonly SignatureParameter[];
}

const column = z.object({
  type: z.string(),
  name: z.coerce.string().optional(),
  required: z.boolean().default(true),
});
const tensorSpec = z.object({
  type: z.literal("tensor"),
  name: z.string().optional(),
  "tensor-spec": z.object({ dtype: z.string(), shape: z.array(z.number().int()) }),
});
const parameter = z.object({ name: z.string(), type: z.string(), default: z.unknown() });

/**
 * Reads the signature of a model.
 * @param where The model, for messages.
 * @throws SCHEMA_UNSUPPORTED when it has none; MODEL_FILE_INVALID when it cannot be read.
 */
export function readSignature(mlmodel: MlModel, where: string, example: unknown): MlflowSignature {
  const text = mlmodel.signature;
  if (text?.inputs === undefined) {
    throw new EkibenError("SCHEMA_UNSUPPORTED", {
      detail: `The model ${where} was logged without a signature of its inputs.`,
      hint: "Write the schema yourself, or log the model with signature=infer_signature(X, y).",
    });
  }
  const specs = parseSpecs(text.inputs, where);
  const inputs = specs.map((spec, at) => toField(spec, at));
  const columns = inputs.filter((one): one is SignatureColumn => "type" in one);
  const tensors = inputs.filter((one): one is SignatureTensor => "dtype" in one);
  let row: SignatureRow | undefined;
  const signature: MlflowSignature = {
    get row() {
      if (tensors.length > 0) throw noRow(where, tensors);
      return (row ??= toRow(specs, columns));
    },
    get tensor() {
      return toTensor(where, inputs);
    },
    example,
    inputs,
    outputs: text.outputs === undefined ? [] : parseSpecs(text.outputs, where).map(toField),
    params: text.params === undefined ? [] : parseJson(z.array(parameter), text.params, where),
  };
  return Object.defineProperty(signature, MADE_AGAIN, { value: true });
}

type Spec = z.output<typeof column> | z.output<typeof tensorSpec>;

function parseSpecs(text: string, where: string): Record<string, unknown>[] {
  return parseJson(z.array(z.looseObject({ type: z.string() })), text, where);
}

function toField(raw: Record<string, unknown>, at: number): SignatureColumn | SignatureTensor {
  const spec: Spec = raw["type"] === "tensor" ? tensorSpec.parse(raw) : column.parse(raw);
  if ("tensor-spec" in spec) {
    const { dtype, shape } = spec["tensor-spec"];
    return {
      ...(spec.name === undefined ? {} : { name: spec.name }),
      dtype,
      shape: shape.map((size) => (size < 0 ? null : size)),
    };
  }
  // pandas calls columns without a name by their place.
  return { name: spec.name ?? String(at), type: spec.type, required: spec.required };
}

function toRow(
  specs: readonly Record<string, unknown>[],
  columns: readonly SignatureColumn[],
): SignatureRow {
  return z.object(
    Object.fromEntries(
      columns.map(({ name, required }, at) => {
        const cell = toCellSchema(specs[at]!);
        return [name, required ? cell : cell.nullish()];
      }),
    ),
  );
}

function toTensor(
  where: string,
  inputs: readonly (SignatureColumn | SignatureTensor)[],
): MlflowSignature["tensor"] {
  const [only] = inputs;
  if (inputs.length !== 1 || only === undefined || !("dtype" in only)) {
    throw new EkibenError("SCHEMA_UNSUPPORTED", {
      detail: `The signature of ${where} is not that of a single tensor.`,
      hint: inputs.some((one) => "dtype" in one)
        ? "Its `inputs` say what it has; write a form() or json() for them."
        : "It has columns: use dataframe(signature.row).",
    });
  }
  const dtype = only.dtype === "object" || only.dtype === "str" ? "string" : only.dtype;
  if (!(TENSOR_TYPES as readonly string[]).includes(dtype)) {
    throw new EkibenError("SCHEMA_UNSUPPORTED", {
      detail: `The signature of ${where} has a tensor of ${only.dtype}, which is not read here.`,
      expected: TENSOR_TYPES.join(", "),
      received: only.dtype,
    });
  }
  // The first dimension of a signature counts the items.
  return { shape: only.shape.slice(1), dtype: dtype as TensorType, many: true };
}

function noRow(where: string, tensors: readonly SignatureTensor[]): EkibenError {
  const printed = tensors.map(
    ({ name, dtype, shape }) =>
      `${name === undefined ? "" : `${name}: `}${dtype}[${shape.map((size) => size ?? "N").join(", ")}]`,
  );
  return new EkibenError("SCHEMA_UNSUPPORTED", {
    detail: `The signature of ${where} has tensors instead of columns: ${printed.join(", ")}.`,
    hint:
      tensors.length === 1
        ? "Use tensor(signature.tensor), or write the row yourself."
        : "Write the row yourself.",
  });
}

function parseJson<T>(schema: z.ZodType<T>, text: string, where: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new EkibenError("MODEL_FILE_INVALID", {
      detail: `The signature in the MLmodel of ${where} cannot be read.`,
      hint: "Log the model again with a current MLflow.",
      cause,
    });
  }
}
