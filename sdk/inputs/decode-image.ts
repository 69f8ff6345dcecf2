import type { Metadata, SharpOptions } from "sharp";
import { EkibenError } from "../core/errors.js";
import { enlarge } from "./enlarge.js";
import { IMAGE_TYPES, printFormats, type ImageFormat } from "./image-format.js";
import type { ImagePlan, ImageSize } from "./image-options.js";
import type { LoadSharp, Sharp } from "./load-sharp.js";

/** A file whose first bytes say what it is. */
export interface EncodedImage {
  bytes: Uint8Array;
  format: ImageFormat;
}

/** Levels from 0 to 255, row by row, `bands` of them a pixel: RGB or RGB with alpha. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly bands: 3 | 4;
}

/** What the header of an image says, upright where it is turned upright. */
export interface ImageFacts {
  readonly format: ImageFormat;
  readonly mediaType: string;
  /** Pixels, of the first frame or page. */
  readonly width: number;
  /** Pixels, of the first frame or page. */
  readonly height: number;
  /** As stored: 1 and 2 are gray, 3 and 4 color, or 4 for CMYK; the even ones with alpha. */
  readonly channels: number;
}

const KERNELS = { bilinear: "linear", bicubic: "cubic", lanczos: "lanczos3" } as const;

/**
 * Decodes an image into pixels of the planned size.
 * @throws BODY_MALFORMED for a damaged file, INPUT_INVALID for one that is too large,
 * DEPENDENCY_MISSING
 */
export async function decodeImage(
  image: EncodedImage,
  plan: ImagePlan,
  load: LoadSharp,
): Promise<Pixels> {
  const sharp = await load();
  try {
    const { size } = plan;
    const needed = image.format === "tiff" || (size !== undefined && size.fit !== "fill");
    const facts = needed ? await readFacts(sharp, image, plan) : undefined;
    if (size === undefined) return await readPixels(sharp, image, plan);
    if (size.fit === "contain") {
      const inner = await readPixels(sharp, image, plan, fitInside(facts!, size));
      return addBorder(inner, size, plan.background);
    }
    const crop = size.fit === "cover" ? cutToAspect(facts!, size) : undefined;
    return await readPixels(sharp, image, plan, { ...size, ...(crop && { crop }) });
  } catch (error) {
    throw await toImageError(error, { sharp, image, plan });
  }
}

/**
 * What an image is, once all of it was decoded: a file can break off behind a sound header.
 * @throws as `decodeImage`
 */
export async function checkImage(
  image: EncodedImage,
  plan: ImagePlan,
  load: LoadSharp,
): Promise<ImageFacts> {
  const sharp = await load();
  try {
    const facts = await readFacts(sharp, image, plan);
    // One pixel is made of all others, and takes no memory for them.
    await sharp(image.bytes, optionsOf(plan)).resize(1, 1, { fit: "fill" }).raw().toBuffer();
    return facts;
  } catch (error) {
    throw await toImageError(error, { sharp, image, plan });
  }
}

function optionsOf({ maxPixels, orient }: ImagePlan): SharpOptions {
  return {
    // What is damaged is refused: decoders would otherwise fill the rest with gray.
    failOn: "warning",
    limitInputPixels: maxPixels,
    autoOrient: orient,
    // Models are trained on levels as they are stored: neither Pillow nor OpenCV apply profiles.
    ignoreIcc: true,
  };
}

async function readFacts(
  sharp: Sharp,
  { bytes, format }: EncodedImage,
  plan: ImagePlan,
): Promise<ImageFacts> {
  const { channels, depth, ...meta } = await sharp(bytes, optionsOf(plan)).metadata();
  if (depth !== "uchar" && depth !== "ushort") {
    throw new EkibenError("INPUT_INVALID", {
      detail: `The image is ${printFormats([format])} with ${depth} levels, which have no range that is known.`,
      expected: "levels of 8 or 16 bits",
      received: depth,
    });
  }
  const { width, height } = sizeOf(meta as Metadata, plan.orient);
  return { format, mediaType: IMAGE_TYPES[format], width, height, channels };
}

function sizeOf(meta: Metadata, orient: boolean): { width: number; height: number } {
  // Of an animation, `height` is that of all its frames where more than one is read.
  const { width, pageHeight, height } = meta;
  return orient ? meta.autoOrient : { width, height: pageHeight ?? height };
}

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

interface Target {
  width: number;
  height: number;
  filter: Required<ImageSize>["filter"];
  shrinkOnLoad: boolean;
  crop?: Box;
}

async function readPixels(
  sharp: Sharp,
  { bytes }: EncodedImage,
  plan: ImagePlan,
  target?: Target,
): Promise<Pixels> {
  const bands = plan.channels === 4 ? 4 : 3;
  const [r, g, b] = plan.background;
  let image = sharp(bytes, optionsOf(plan));
  image = bands === 4 ? image.ensureAlpha() : image.flatten({ background: { r, g, b } });
  // In a pipeline that begins with a color space, decoders do not leave out detail.
  if (!target?.shrinkOnLoad) image = image.pipelineColourspace("srgb");
  if (target?.crop !== undefined) image = image.extract(target.crop);
  if (target !== undefined) {
    const { width, height, filter } = target;
    const kernel = KERNELS[filter];
    // libvips places pixels half a pixel off where it enlarges.
    image = image.resize(width, height, { fit: "fill", kernel, withoutEnlargement: true });
  }
  const { data, info } = await image
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const pixels: Pixels = { data, width: info.width, height: info.height, bands };
  if (info.channels !== bands) throw new Error(`The image has ${info.channels} channels.`);
  if (target === undefined) return pixels;
  const { width, height, filter } = target;
  return info.width === width && info.height === height
    ? pixels
    : await enlarge(pixels, { width, height, filter });
}

function cutToAspect({ width, height }: ImageFacts, size: ImageSize): Box {
  const aspect = size.width / size.height;
  const cutWidth = Math.min(width, Math.max(1, Math.round(height * aspect)));
  const cutHeight = Math.min(height, Math.max(1, Math.round(width / aspect)));
  return {
    left: Math.floor((width - cutWidth) / 2),
    top: Math.floor((height - cutHeight) / 2),
    width: cutWidth,
    height: cutHeight,
  };
}

function fitInside(facts: ImageFacts, size: Required<ImageSize>): Target {
  const scale = Math.min(size.width / facts.width, size.height / facts.height);
  const width = Math.min(size.width, Math.max(1, Math.round(facts.width * scale)));
  const height = Math.min(size.height, Math.max(1, Math.round(facts.height * scale)));
  return { width, height, filter: size.filter, shrinkOnLoad: size.shrinkOnLoad };
}

function addBorder(
  inner: Pixels,
  { width, height }: ImageSize,
  background: readonly number[],
): Pixels {
  const { bands } = inner;
  const data = new Uint8Array(width * height * bands);
  const color = [...background, 255];
  for (let at = 0; at < data.length; at += 1) data[at] = color[at % bands]!;
  const left = Math.floor((width - inner.width) / 2);
  const top = Math.floor((height - inner.height) / 2);
  for (let y = 0; y < inner.height; y += 1) {
    const row = inner.data.subarray(y * inner.width * bands, (y + 1) * inner.width * bands);
    data.set(row, ((top + y) * width + left) * bands);
  }
  return { data, width, height, bands };
}

interface Failure {
  sharp: Sharp;
  image: EncodedImage;
  plan: ImagePlan;
}

/** The error of the catalogue for what libvips says, which it says in text alone. */
async function toImageError(error: unknown, { sharp, image, plan }: Failure): Promise<unknown> {
  if (error instanceof EkibenError || !(error instanceof Error)) return error;
  const { message } = error;
  // That is not the fault of an image.
  if (/out of memory/i.test(message)) return error;
  const kind = printFormats([image.format]);
  if (message.includes("exceeds pixel limit")) {
    const size = await findSize(sharp, image.bytes);
    return new EkibenError("INPUT_INVALID", {
      detail: `The image is ${size === undefined ? "too large" : `${size} pixels large`}, more than the ${plan.maxPixels} pixels that are read here.`,
      hint: "Send a smaller image.",
      expected: `at most ${plan.maxPixels} pixels`,
      ...(size !== undefined && { received: size }),
    });
  }
  const reason = message.split("\n")[0]!.replace(/^Input buffer /, "the file ");
  return new EkibenError("BODY_MALFORMED", {
    detail: `The image begins as ${kind}, ${image.bytes.length} bytes, but cannot be decoded: ${reason}.`,
    hint: "It may have been cut off or damaged on its way.",
    expected: `a whole ${kind}`,
    received: `${image.bytes.length} bytes`,
    cause: error,
  });
}

async function findSize(sharp: Sharp, bytes: Uint8Array): Promise<string | undefined> {
  try {
    const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata();
    return `${width} × ${height}`;
  } catch {
    return undefined;
  }
}
