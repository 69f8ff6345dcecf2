import { EkibenError } from "../core/errors.js";
import type { TensorArray } from "../tensor/tensor-array.js";
import { countElements } from "../tensor/tensor.js";
import { describeBase64, parseBase64, printBase64 } from "./base64-list.js";
import { toBytes } from "./bytes.js";
import { encodeImage, sniffImage, type ImageFormat } from "./encode-image.js";
import { JSON_TYPE } from "./media-types.js";
import type { Output, OutputSlice, ShapedElements } from "./output.js";
import { findShaped } from "./shaped.js";

export interface ImageOutputOptions {
  /** @default "png" */
  format?: ImageFormat;
}

/**
 * An image as a handler returns it: the bytes of an image file, or pixels `[height, width, channels]`
 * with 1 to 4 channels (grey, grey and alpha, RGB, RGBA), as bytes or as floats from 0 to 1.
 */
export type ImageItem =
  | Uint8Array
  | ArrayBuffer
  | TensorArray
  | { readonly data: ArrayLike<number>; readonly dims: readonly number[] };

const FORMATS: readonly ImageFormat[] = ["png", "jpeg", "webp"];
const MANY = Object.freeze([JSON_TYPE]);

/**
 * Writes images. The bytes of a file of this format are passed on as they are; another format is
 * converted, and pixels are encoded. The outputs of a request of many items are JSON, a list of
 * `{"b64": "…"}`.
 * @throws SERVICE_INVALID for another format.
 * @example imageOutput({ format: "jpeg" })
 */
export function imageOutput({ format = "png" }: ImageOutputOptions = {}): Output<
  ImageItem,
  Uint8Array,
  false
> {
  if (!FORMATS.includes(format)) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: `imageOutput() got the format ${JSON.stringify(format)}.`,
      expected: FORMATS.join(", "),
      received: String(format),
    });
  }
  const mediaType = `image/${format}`;
  const one = Object.freeze([mediaType]);
  return Object.freeze({
    kind: "image",
    streams: false,
    mediaTypes: (cardinality) => (cardinality === "one" ? one : MANY),
    write(outputs, { cardinality }) {
      const images = readImages(outputs).map((image, index) => toFile(image, index, format));
      if (cardinality === "one") return images[0]!;
      return Promise.all(images).then(printBase64);
    },
    read: (body, { cardinality }) =>
      cardinality === "one" ? Uint8Array.from(body) : parseBase64(body),
    content: (cardinality) =>
      cardinality === "one"
        ? { [mediaType]: { schema: { type: "string", format: "binary" } } }
        : { [JSON_TYPE]: { schema: describeBase64() } },
  } satisfies Output<ImageItem, Uint8Array, false>);
}

function readImages(outputs: OutputSlice): unknown[] {
  const batch = outputs.tensor?.();
  return batch === undefined ? outputs.values() : splitImages(batch);
}

/** Each image of a batch that is one tensor. */
function splitImages({ data, dims }: ShapedElements): ShapedElements[] {
  const size = countElements(dims.slice(1));
  return Array.from({ length: dims[0]! }, (_, index) => ({
    data: (data as Uint8Array).slice(index * size, (index + 1) * size),
    dims: dims.slice(1),
  }));
}

function toFile(
  image: unknown,
  index: number,
  format: ImageFormat,
): Uint8Array | Promise<Uint8Array> {
  const pixels = isFlat(image) ? undefined : findShaped(image);
  const bytes = pixels === undefined ? toBytes(image) : undefined;
  if (bytes !== undefined && sniffImage(bytes) === format) return bytes;
  const subject = `Output ${index}`;
  if (bytes !== undefined) return encodeImage(bytes, format, subject);
  if (pixels !== undefined) return encodeImage(pixels, format, subject);
  const received = image === null ? "null" : Array.isArray(image) ? "an array" : typeof image;
  throw new EkibenError("OUTPUT_INVALID", {
    detail: `${subject} is no image but ${received}.`,
    hint: "Return the bytes of an image file, or pixels as a tensor [height, width, channels].",
    received,
  });
}

/** Bytes without dimensions are a file. */
function isFlat(image: unknown): boolean {
  return ArrayBuffer.isView(image) && !("dims" in image);
}
