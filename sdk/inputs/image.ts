import { EkibenError } from "../core/errors.js";
import type { JsonSchema } from "../core/json-schema.js";
import { countElements } from "../tensor/tensor.js";
import type { NamedTensor } from "../tensor/named-tensor.js";
import type { TensorArray } from "../tensor/tensor-array.js";
import { checkImage, decodeImage, type ImageFacts, type Pixels } from "./decode-image.js";
import { beginsAsJson, readImageValue, toEncodedImage } from "./image-body.js";
import { findFormat, IMAGE_ALIASES, IMAGE_TYPES, printFormats } from "./image-format.js";
import { toImagePlan, type ImageOptions, type ImagePlan, type ImageSize } from "./image-options.js";
import { createPixelWriter } from "./image-tensor.js";
import type { EncodedBody, Input, InputContent, Payload, RequestBody } from "./input.js";
import { toJsonBytes } from "./json-bytes.js";
import { isJsonType, parseJson, readText, refuseMediaType } from "./json-text.js";
import { loadSharp, type LoadSharp } from "./load-sharp.js";
import { MULTIPART_TYPE, readSinglePart } from "./multipart.js";

const JSON_TYPE = "application/json";
const BYTES_TYPE = "application/octet-stream";

/** An image as a caller gives it: an encoded file, or its base64. */
export type SentImage = Uint8Array | string | { b64: string } | { image: string };

/** An image file as it came, checked by decoding all of it. */
export interface ImageFile extends ImageFacts {
  readonly bytes: Uint8Array;
}

/**
 * Reads an image a request: PNG, JPEG, WebP, GIF or TIFF, as the body itself, as the one file of a
 * form, or as base64 in JSON. A handler gets its pixels as a TensorArray `[height, width, channels]`
 * or `[channels, height, width]`; with `batch`, images of one `size` stacked along a new first
 * dimension, and otherwise an array of TensorArrays.
 * @throws SERVICE_INVALID for options that cannot be meant.
 * @example image({ size: { width: 224, height: 224 }, layout: "CHW", scale: 1 / 255 })
 */
export function image(
  options: ImageOptions & { raw: true },
): Input<SentImage, ImageFile, ImageFile[], "one">;
export function image(
  options: ImageOptions & { size: ImageSize; raw?: false },
): Input<SentImage, TensorArray, TensorArray, "one">;
export function image(
  options?: ImageOptions & { size?: undefined; raw?: false },
): Input<SentImage, TensorArray, TensorArray[], "one">;
export function image(options: ImageOptions = {}): Input {
  return createImageInput(options, loadSharp);
}

/** `image` with a way of its own to load the library. */
export function createImageInput(options: ImageOptions, load: LoadSharp): Input {
  const plan = toImagePlan(options);
  const types = plan.formats.map((format) => IMAGE_TYPES[format]);
  const mediaTypes = Object.freeze([...types, BYTES_TYPE, JSON_TYPE, MULTIPART_TYPE]);
  const kind = options.raw === true ? createFiles(plan, load) : createPixels(plan, load);

  const read = async (bytes: Uint8Array): Promise<Payload> => {
    const data = Object.freeze(await kind.read(bytes));
    return Object.freeze({ items: 1, data });
  };

  const readBody = async (body: RequestBody): Promise<Payload> => {
    const { bytes, mediaType } = body;
    if (mediaType === "" ? beginsAsJson(bytes) : isJsonType(mediaType)) {
      return await read(readImageValue(parseJson(readText(body))));
    }
    const known = mediaType === "" || mediaType === BYTES_TYPE || IMAGE_ALIASES.has(mediaType);
    if (!known) refuseMediaType(body, mediaTypes);
    return await read(bytes);
  };

  return Object.freeze({
    kind: "image",
    cardinality: "one",
    mediaTypes,
    async parse(body) {
      if (body.mediaType !== MULTIPART_TYPE) return await readBody(body);
      const part = await readSinglePart(body);
      // A form in a form is no image.
      if (part.mediaType === MULTIPART_TYPE) refuseMediaType(part, mediaTypes);
      return await readBody(part);
    },
    parseJson: async (value) => await read(readImageValue(value)),
    parseTensors: async (tensors) => await read(readTensor(tensors)),
    describeTensors: () => [{ name: "image", dtype: "string", shape: [null] }],
    encode: (value) => encode(value as SentImage),
    toArgument: ({ data }) => kind.toArgument(data),
    merge: (payloads) => kind.merge(payloads.map(({ data }) => data)),
    content: () => describeContent(plan),
    itemSchema: () => describeBase64(plan),
  } satisfies Input);
}

/** What a handler wants of an image: its pixels or its file. */
interface Kind {
  read(bytes: Uint8Array): Promise<object>;
  toArgument(data: unknown): unknown;
  merge(list: unknown[]): unknown;
}

function createPixels(plan: ImagePlan, load: LoadSharp): Kind {
  const writer = createPixelWriter(plan);
  return {
    read: (bytes) => decodeImage(toEncodedImage(bytes, plan.formats), plan, load),
    toArgument: (pixels) => writer.toTensor(pixels as Pixels),
    merge: (list) =>
      plan.size === undefined
        ? list.map((pixels) => writer.toTensor(pixels as Pixels))
        : writer.toStack(list as Pixels[]),
  };
}

function createFiles(plan: ImagePlan, load: LoadSharp): Kind {
  // A handler may change the bytes, and a request can be asked for again.
  const toFile = (file: unknown): ImageFile =>
    Object.freeze({ ...(file as ImageFile), bytes: new Uint8Array((file as ImageFile).bytes) });
  return {
    async read(bytes) {
      const facts = await checkImage(toEncodedImage(bytes, plan.formats), plan, load);
      return { bytes, ...facts } satisfies ImageFile;
    },
    toArgument: toFile,
    merge: (list) => list.map(toFile),
  };
}

/** The text of one element: base64, as bytes that are no text travel in a list of strings. */
function readTensor(tensors: readonly NamedTensor[]): Uint8Array {
  const [first] = tensors;
  if (tensors.length === 1 && first!.type === "string" && countElements(first!.dims) === 1) {
    return readImageValue(first!.data[0]);
  }
  const received = tensors.map(({ type, dims }) => `${type} [${dims.join(", ")}]`).join(" and ");
  throw new EkibenError("INPUT_INVALID", {
    detail: `The request has one tensor of one string, an image in base64, and ${received || "none"} came.`,
    expected: "one tensor of one string",
    received: received || "none",
  });
}

function encode(value: SentImage): EncodedBody {
  if (!(value instanceof Uint8Array)) {
    return { bytes: toJsonBytes(value), mediaType: JSON_TYPE };
  }
  const format = findFormat(value);
  return { bytes: value, mediaType: format === undefined ? BYTES_TYPE : IMAGE_TYPES[format] };
}

function describeBase64({ formats }: ImagePlan): JsonSchema {
  return {
    type: "string",
    contentEncoding: "base64",
    ...(formats.length === 1 && { contentMediaType: IMAGE_TYPES[formats[0]!] }),
    description: `${printFormats(formats)} in base64, also as a data URL`,
  };
}

function describeContent(plan: ImagePlan): Record<string, InputContent> {
  const types = plan.formats.map((format) => IMAGE_TYPES[format]);
  const binary = (contentMediaType?: string): JsonSchema => ({
    type: "string",
    format: "binary",
    ...(contentMediaType !== undefined && { contentMediaType }),
  });
  const field = (name: string): JsonSchema => ({
    type: "object",
    properties: { [name]: describeBase64(plan) },
    required: [name],
  });
  return {
    ...Object.fromEntries(types.map((type) => [type, { schema: binary(type) }])),
    [BYTES_TYPE]: { schema: binary() },
    [JSON_TYPE]: { schema: { anyOf: [describeBase64(plan), field("b64"), field("image")] } },
    [MULTIPART_TYPE]: {
      schema: { type: "object", properties: { image: binary() }, required: ["image"] },
      encoding: { image: { contentType: types.join(", ") } },
    },
  };
}
