import type { Metadata, Sharp as SharpPipeline, SharpOptions } from "sharp";
import { EkibenError } from "../core/errors.js";
import { enlarge, REACH, type Axis } from "./enlarge.js";
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

/** Far below the most that libvips shrinks by, which it would complain about on stderr. */
const MOST_SHRINK = 10_000;

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
    const open = (): SharpPipeline => openPixels(sharp, image, plan);
    if (size === undefined) return await readPixels(open(), plan);
    if (size.fit === "fill") return await fill(open(), size, plan);
    if (size.fit === "cover") return await cover(open(), { size, plan, facts: facts! });
    const inner = await fill(open(), { ...size, ...fitInside(facts!, size) }, plan);
    return addBorder(inner, size, plan.background);
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
    // A few pixels are made of all others, and take no memory for them.
    const width = Math.ceil(facts.width / MOST_SHRINK);
    const height = Math.ceil(facts.height / MOST_SHRINK);
    const all = sharp(image.bytes, optionsOf(plan)).resize(width, height, { fit: "fill" });
    // A decoder that leaves out detail does not see what is damaged in it.
    await all.pipelineColourspace("srgb").raw().toBuffer();
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

function openPixels(sharp: Sharp, { bytes }: EncodedImage, plan: ImagePlan): SharpPipeline {
  const [r, g, b] = plan.background;
  const image = sharp(bytes, optionsOf(plan));
  const opaque =
    plan.channels === 4 ? image.ensureAlpha() : image.flatten({ background: { r, g, b } });
  // In a pipeline that begins with a color space, decoders do not leave out detail.
  return plan.size?.shrinkOnLoad ? opaque : opaque.pipelineColourspace("srgb");
}

async function readPixels(image: SharpPipeline, plan: ImagePlan): Promise<Pixels> {
  const bands = plan.channels === 4 ? 4 : 3;
  const { data, info } = await image
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== bands) throw new Error(`it came out with ${info.channels} channels`);
  return { data, width: info.width, height: info.height, bands };
}

/** Both sides on their own, the ones that shrink first: libvips enlarges half a pixel off. */
async function fill(
  image: SharpPipeline,
  { width, height, filter }: Required<ImageSize>,
  plan: ImagePlan,
): Promise<Pixels> {
  const kernel = KERNELS[filter];
  const resized = image.resize(width, height, { fit: "fill", kernel, withoutEnlargement: true });
  const pixels = await readPixels(resized, plan);
  if (pixels.width === width && pixels.height === height) return pixels;
  return await enlarge(pixels, {
    x: { from: pixels.width, to: width, start: 0, count: width, offset: 0 },
    y: { from: pixels.height, to: height, start: 0, count: height, offset: 0 },
    filter,
  });
}

interface Covering {
  size: Required<ImageSize>;
  plan: ImagePlan;
  facts: ImageFacts;
}

/** The middle of the image at the scale at which it covers the size, as torchvision cuts it. */
async function cover(image: SharpPipeline, { size, plan, facts }: Covering): Promise<Pixels> {
  const { width, height, filter } = size;
  const scale = Math.max(width / facts.width, height / facts.height);
  const to = {
    width: Math.max(width, Math.floor(facts.width * scale + 1e-6)),
    height: Math.max(height, Math.floor(facts.height * scale + 1e-6)),
  };
  const left = toMiddle(to.width - width);
  const top = toMiddle(to.height - height);
  if (to.width <= facts.width && to.height <= facts.height) {
    const resized = image.resize(to.width, to.height, { fit: "fill", kernel: KERNELS[filter] });
    return await readPixels(resized.extract({ left, top, width, height }), plan);
  }
  // Of a long strip only what is seen is decoded.
  const x = toWindow({ from: facts.width, to: to.width, start: left, count: width });
  const y = toWindow({ from: facts.height, to: to.height, start: top, count: height });
  const box = { left: x.offset, top: y.offset, width: x.length, height: y.length };
  return await enlarge(await readPixels(image.extract(box), plan), { x, y, filter });
}

/** The pixels of an image that a window of it is made of, where it is enlarged. */
function toWindow(axis: Omit<Axis, "offset">): Axis & { length: number } {
  const { from, to, start, count } = axis;
  const offset = Math.max(0, Math.floor((start * from) / to) - REACH - 1);
  const end = Math.min(from, Math.ceil(((start + count) * from) / to) + REACH + 1);
  return { ...axis, offset, length: end - offset };
}

/** Half of what is left over, an odd one rounded to the even number, as Python rounds. */
function toMiddle(rest: number): number {
  return rest % 4 === 3 ? (rest + 1) / 2 : Math.floor(rest / 2);
}

function fitInside(facts: ImageFacts, size: ImageSize): { width: number; height: number } {
  const scale = Math.min(size.width / facts.width, size.height / facts.height);
  return {
    width: Math.min(size.width, Math.max(1, Math.round(facts.width * scale))),
    height: Math.min(size.height, Math.max(1, Math.round(facts.height * scale))),
  };
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
  const left = toMiddle(width - inner.width);
  const top = toMiddle(height - inner.height);
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

/**
 * The error of the catalogue for an image that libvips does not read. Of its own words only the cause
 * has them: libvips keeps one list of messages for all threads, and they may tell of another image.
 */
async function toImageError(error: unknown, { sharp, image, plan }: Failure): Promise<unknown> {
  if (error instanceof EkibenError || !(error instanceof Error)) return error;
  // This one is of sharp.
  if (error.message.includes("exceeds pixel limit")) {
    const size = await findSize(sharp, image.bytes);
    return new EkibenError("INPUT_INVALID", {
      detail: `The image is ${size === undefined ? "too large" : `${size} pixels large`}, more than the ${plan.maxPixels} pixels that are read here.`,
      hint: "Send a smaller image.",
      expected: `at most ${plan.maxPixels} pixels`,
      ...(size !== undefined && { received: size }),
    });
  }
  const kind = printFormats([image.format]);
  return new EkibenError("BODY_MALFORMED", {
    detail: `The image begins as ${kind}, but its ${image.bytes.length} bytes cannot be decoded.`,
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
