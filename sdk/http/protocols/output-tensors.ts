import type { Cardinality } from "../../inputs/input.js";
import type { Output, OutputSlice } from "../../outputs/output.js";
import { printJson } from "../../outputs/print-json.js";
import { toDatatype, type Datatype } from "../../tensor/datatype.js";
import { isTensorType, type TensorDescription } from "../../tensor/tensor.js";
import type { AnsweredTensor } from "./inference-response.js";

/** The outputs of an API as tensors. */
export interface OutputTensors {
  describe(): readonly TensorDescription[];
  /** @throws OUTPUT_INVALID */
  from(outputs: OutputSlice): AnsweredTensor[];
}

const JSON_TEXT = Object.freeze({ content_type: "json" });

/** Outputs as the output of the API makes tensors of them; of others each is a JSON text. */
export function createOutputTensors(
  output: Pick<Output, "toTensors" | "describeTensors">,
  cardinality: Cardinality,
): OutputTensors {
  if (output.toTensors === undefined) {
    return {
      describe: () => [{ name: "output", dtype: "string", shape: [null] }],
      from: (outputs) => [
        {
          name: "output",
          type: "string",
          dims: [outputs.count],
          data: outputs.values().map(printJson),
          parameters: JSON_TEXT,
        },
      ],
    };
  }
  return {
    describe: () => output.describeTensors?.() ?? [],
    from(outputs) {
      const described = output.describeTensors?.() ?? [];
      return output.toTensors!(outputs, cardinality).map((tensor) => {
        const { dtype } = described.find(({ name }) => name === tensor.name) ?? {};
        // Half floats have no type in memory; only the description tells.
        return dtype === HALF && tensor.type === "float32"
          ? { ...tensor, datatype: "FP16" }
          : tensor;
      });
    },
  };
}

const HALF = "float16";

/** A tensor as the metadata of a model describes it: a free size is -1. */
export function toMetadataTensor({ name, dtype, shape }: TensorDescription): {
  name: string;
  datatype: Datatype;
  shape: number[];
} {
  const datatype = dtype === HALF ? "FP16" : isTensorType(dtype) ? toDatatype(dtype) : "BYTES";
  return { name, datatype, shape: shape.map((size) => size ?? -1) };
}
