import { DATATYPES } from "../tensor/datatype.js";

/** A reference to one of the schemas of a document. */
export function schemaOf(name: string): { $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

export const OBJECT = { type: "object" as const };
const TEXT = { type: "string" as const };
const ANY = {};
const LIST = { type: "array" as const, items: ANY };

export const TENSOR = {
  type: "object" as const,
  required: ["name", "shape", "datatype"],
  properties: {
    name: TEXT,
    shape: { type: "array" as const, items: { type: "integer" as const, minimum: 0 } },
    datatype: { type: "string" as const, enum: [...DATATYPES] },
    parameters: OBJECT,
    data: { ...LIST, description: "Flat in row-major order, or nested as `shape` says" },
  },
};

export const INFERENCE_REQUEST = {
  type: "object" as const,
  required: ["inputs"],
  properties: {
    id: { type: "string" as const, description: "Given back in the answer" },
    parameters: OBJECT,
    inputs: { type: "array" as const, items: schemaOf("InferenceTensor") },
    outputs: {
      type: "array" as const,
      description: "The outputs to answer with, in this order; all of them when there are none",
      items: {
        type: "object" as const,
        required: ["name"],
        properties: { name: TEXT, parameters: OBJECT },
      },
    },
  },
};

export const INFERENCE_RESPONSE = {
  type: "object" as const,
  required: ["model_name", "outputs"],
  properties: {
    model_name: TEXT,
    model_version: TEXT,
    id: TEXT,
    outputs: { type: "array" as const, items: schemaOf("InferenceTensor") },
  },
};

export const INFERENCE_ERROR = {
  type: "object" as const,
  required: ["error"],
  properties: { error: TEXT },
};

export const SCORING_REQUEST = {
  type: "object" as const,
  description: "Exactly one of the fields",
  properties: {
    dataframe_split: {
      type: "object" as const,
      required: ["data"],
      properties: { columns: LIST, index: LIST, data: { type: "array" as const, items: LIST } },
    },
    dataframe_records: { type: "array" as const, items: OBJECT },
    instances: { ...LIST, description: "Rows, as objects or as lists" },
    inputs: { description: "Columns, rows, or nested lists; or the one item of the API" },
  },
};

export const PREDICTIONS = {
  type: "object" as const,
  required: ["predictions"],
  properties: { predictions: LIST },
};

export const SCORING_ERROR = {
  type: "object" as const,
  required: ["error_code", "message"],
  properties: { error_code: TEXT, message: TEXT },
};
