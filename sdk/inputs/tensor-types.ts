import type { TensorArray, TensorElement } from "../tensor/tensor-array.js";
import type { TensorType } from "../tensor/tensor.js";

// Readable for TypeScript 5.0.4, strict or not: that is the compiler inside tslab.

/** A declared shape: sizes, and `null` where any size will do. */
export type TensorShape = readonly (number | null)[];

/** What a handler finds in a tensor of a type. */
export type ElementOfType<Type extends TensorType> = Type extends "bool"
  ? boolean
  : Type extends "string"
    ? string
    : Type extends "int64" | "uint64"
      ? bigint
      : number;

/** What a caller may write for an element. */
type SentElement<Type extends TensorType> = Type extends "int64" | "uint64"
  ? bigint | number | string
  : ElementOfType<Type>;

type AnyNested<Element> = Element | ArrayLike<AnyNested<Element>>;

/** Nested lists of a shape; the innermost ones may be typed arrays. */
type Nested<Element, Shape extends readonly unknown[]> = number extends Shape["length"]
  ? AnyNested<Element>
  : Shape extends readonly [unknown, ...infer Rest]
    ? ArrayLike<Nested<Element, Rest>>
    : Element;

/** What a caller sends: nested lists, a typed array with all elements, or a TensorArray. */
export type SentTensor<Shape extends TensorShape, Type extends TensorType, Many> =
  | Nested<SentElement<Type>, [Many] extends [true] ? readonly [null, ...Shape] : Shape>
  | TensorArray<ElementOfType<Type>>
  | (ElementOfType<Type> extends number | bigint
      ? ArrayLike<ElementOfType<Type>> & ArrayBufferView
      : never);

/**
 * Whether a shape leaves a size open. Asked entry by entry: without strict null checks every union
 * with `null` collapses, and `null` fits into `number`, but no size fits into `null`.
 */
type IsFree<Shape extends TensorShape> = true extends {
  [K in keyof Shape]: [Shape[K]] extends [null] ? true : false;
}[number]
  ? true
  : false;

/** The items of several requests: stacked where all have one shape, otherwise one tensor each. */
export type MergedTensors<
  Shape extends TensorShape,
  Element extends TensorElement,
> = number extends Shape["length"]
  ? TensorArray<Element> | TensorArray<Element>[]
  : [IsFree<Shape>] extends [true]
    ? TensorArray<Element>[]
    : TensorArray<Element>;
