import type { Tensor } from "./tensor.js";

/** A tensor with its name, as requests and answers of the Open Inference Protocol carry it. */
export interface NamedTensor extends Tensor {
  readonly name: string;
  /** What the sender says of the content, such as `{ content_type: "str" }`. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}
