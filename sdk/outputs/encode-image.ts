import { EkibenError } from "../core/errors.js";
import { printDims } from "../tensor/dims.js";
import { countElements } from "../tensor/tensor.js";
import type { ShapedElements } from "./output.js";

export type ImageFormat = "png" | "jpeg" | "webp";

/** The formats by their first bytes: 0x100 stands for any. */
const SIGNATURES: readonly (readonly [ImageFormat, readonly number[]])[] = [
  ["png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["jpeg", [0xff, 0xd8, 0xff]],
  ["webp", [0x52, 0x49, 0x46, 0x46, 0x100, 0x100, 0x100, 0x100, 0x57, 0x45, 0x42, 0x50]],
];

/** The format that the first bytes of a file say, `undefined` for any other. */
export function sniffImage(bytes: Uint8Array): ImageFormat | undefined {
  return SIGNATURES.find(([, signature]) =>
    signature.every((byte, at) => byte === 0x100 || byte === bytes[at]),
  )?.[0];
}

/**
 * Encodes pixels, or an image file of another format.
 * @throws OUTPUT_INVALID for pixels of another shape, and for what is no image.
 */
export function encodeImage(
  source: Uint8Array | ShapedElements,
  format: ImageFormat,
  subject: string,
): Promise<Uint8Array> {
  // Before anything is waited for: the handler may use the memory again.
  const image =
    source instanceof Uint8Array && !("dims" in source)
      ? { bytes: Buffer.from(source) }
      : readPixels(source as ShapedElements, subject);
  return encode(image, format, subject);
}

interface Image {
  bytes: Buffer;
  raw?: { width: number; height: number; channels: 1 | 2 | 3 | 4 };
}

async function encode({ bytes, raw }: Image, format: ImageFormat, subject: string) {
  const { default: sharp } = await import("sharp");
  try {
    const image = sharp(bytes, raw === undefined ? {} : { raw });
    // Grey pixels stay grey instead of becoming three equal channels.
    if (raw !== undefined && raw.channels < 3) image.toColourspace("b-w");
    return await image.toFormat(format).toBuffer();
  } catch (cause) {
    throw new EkibenError("OUTPUT_INVALID", {
      detail: `${subject} is no image that can be written: ${(cause as Error).message}.`,
      hint: "Return the bytes of an image file, or pixels as a tensor [height, width, channels].",
      cause,
    });
  }
}

/** A model answers a batch of one with a first dimension of its own, which may be there. */
function readPixels({ data, dims }: ShapedElements, subject: string): Image {
  const own = dims.length === 4 && dims[0] === 1 ? dims.slice(1) : dims;
  const [height = 0, width = 0, channels = 1] = own;
  const fits =
    (own.length === 2 || own.length === 3) &&
    height > 0 &&
    width > 0 &&
    channels > 0 &&
    channels <= 4 &&
    countElements(own) === data.length;
  if (!fits) {
    throw new EkibenError("OUTPUT_INVALID", {
      detail: `${subject} has the shape ${printDims(dims)}, which is no image.`,
      hint: "Return pixels as a tensor [height, width, channels] with 1 to 4 channels.",
      expected: "[height, width, channels]",
      received: printDims(dims),
    });
  }
  const raw = { width, height, channels: channels as 1 | 2 | 3 | 4 };
  return { bytes: toPixelBytes(data, subject), raw };
}

/** Floats are 0 to 1; what lies outside is cut off, and NaN is 0. */
function toPixelBytes(data: ArrayLike<unknown>, subject: string): Buffer {
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return Buffer.from(data);
  if (data instanceof Float32Array || data instanceof Float64Array) {
    const bytes = new Uint8ClampedArray(data.length);
    for (let i = 0; i < data.length; i++) bytes[i] = data[i]! * 255;
    return Buffer.from(bytes.buffer);
  }
  const received = (data as object).constructor.name;
  throw new EkibenError("OUTPUT_INVALID", {
    detail: `${subject} has pixels of ${received}, which have no range of their own.`,
    hint: "Return a Uint8Array of 0 to 255 or a Float32Array of 0 to 1.",
    expected: "Uint8Array or Float32Array",
    received,
  });
}
