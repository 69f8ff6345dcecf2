import {
  checkChoice,
  checkOptionNames,
  invalidOptionOf,
  type InvalidOption,
} from "./check-options.js";
import { IMAGE_FORMATS, type ImageFormat } from "./image-format.js";

/** The size that every image is brought to. */
export interface ImageSize {
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /**
   * `fill` stretches, `cover` cuts what is too long evenly on both sides, `contain` adds a border of
   * `background`. @default "fill"
   */
  fit?: "fill" | "cover" | "contain";
  /** As Pillow has it, with antialiasing where it shrinks. @default "bilinear" */
  filter?: "bilinear" | "bicubic" | "lanczos";
  /**
   * Lets decoders of JPEG and WebP leave out detail of photos much larger than the size: two to
   * three times as fast, but pixels differ by some levels from what Pillow makes. @default false
   */
  shrinkOnLoad?: boolean;
}

export interface ImageOptions {
  /** @default the size that an image has */
  size?: ImageSize;
  /** 1 is gray, 3 is RGB, 4 is RGB with alpha. @default 3 */
  channels?: 1 | 3 | 4;
  /** `HWC`: [height, width, channels]; `CHW`: [channels, height, width]. @default "HWC" */
  layout?: "HWC" | "CHW";
  /** @default "float32" with `scale`, `mean` or `std`, otherwise "uint8" */
  dtype?: "uint8" | "float32";
  /** What the levels 0 to 255 are multiplied with, such as `1 / 255`. @default 1 */
  scale?: number;
  /** Taken from the scaled levels, one number or one a channel. @default 0 */
  mean?: number | readonly number[];
  /** What they are then divided by, one number or one a channel. @default 1 */
  std?: number | readonly number[];
  /** The color behind transparent pixels and in borders, as levels of RGB. @default [0, 0, 0] */
  background?: readonly [number, number, number];
  /** Whether a photo is turned upright as its EXIF orientation says. @default true */
  orient?: boolean;
  /**
   * The most pixels of an image, which its header tells before it is decoded.
   * @default 50_000_000 with `size`, otherwise 16_777_216
   */
  maxPixels?: number;
  /** The kinds of files that are read. @default png, jpeg, webp, gif (first frame), tiff (first page) */
  formats?: readonly ImageFormat[];
  /** Gives the handler the checked file in place of its pixels. @default false */
  raw?: boolean;
}

/** Options with nothing left open. */
export interface ImagePlan {
  readonly size: Required<ImageSize> | undefined;
  readonly channels: 1 | 3 | 4;
  readonly layout: "HWC" | "CHW";
  readonly dtype: "uint8" | "float32";
  readonly scale: number;
  /** One a channel, as `std`. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly background: readonly [number, number, number];
  readonly orient: boolean;
  readonly maxPixels: number;
  readonly formats: readonly ImageFormat[];
}

const OPTIONS = [
  "size",
  "channels",
  "layout",
  "dtype",
  "scale",
  "mean",
  "std",
  "background",
  "orient",
  "maxPixels",
  "formats",
  "raw",
] as const satisfies readonly (keyof ImageOptions)[];
const SIZE_OPTIONS = ["width", "height", "fit", "filter", "shrinkOnLoad"];
/** What only says how pixels become a tensor. */
const TENSOR_OPTIONS = OPTIONS.filter(
  (key) => !["orient", "maxPixels", "formats", "raw"].includes(key),
);
const MOST_SIDE = 16_384;

/** Checks the options of `image` and fills in their defaults. @throws SERVICE_INVALID */
export function toImagePlan(options: ImageOptions): ImagePlan {
  const invalid = invalidOptionOf("image");
  if (typeof options !== "object" || options === null) throw invalid("it takes an object.");
  checkOptionNames(options, OPTIONS, invalid);
  const {
    channels = 3,
    layout = "HWC",
    background = [0, 0, 0],
    orient = true,
    raw = false,
  } = options;
  const scaled = [options.scale, options.mean, options.std].some((value) => value !== undefined);
  const { scale = 1, dtype = scaled ? "float32" : "uint8", formats = IMAGE_FORMATS } = options;
  const size = options.size === undefined ? undefined : toSize(options.size, invalid);
  const { maxPixels = size === undefined ? 2 ** 24 : 50_000_000 } = options;

  for (const [key, value] of Object.entries({ orient, raw })) {
    if (typeof value !== "boolean")
      throw invalid(`\`${key}\` is ${typeof value}, not true or false.`);
  }
  const unused = TENSOR_OPTIONS.find((key) => options[key] !== undefined);
  if (raw && unused !== undefined) {
    throw invalid(`with \`raw\` there is no tensor that \`${unused}\` could say something of.`);
  }
  if (![1, 3, 4].includes(channels)) {
    throw invalid(
      `\`channels\` is ${String(channels)}, not 1, 3 or 4.`,
      "1 is gray, 3 RGB, 4 RGB with alpha.",
    );
  }
  checkChoice("layout", layout, { known: ["HWC", "CHW"], invalid });
  checkChoice("dtype", dtype, { known: ["uint8", "float32"], invalid });
  if (dtype === "uint8" && scaled) {
    throw invalid(
      "`scale`, `mean` and `std` make numbers that uint8 does not hold.",
      'Set dtype: "float32".',
    );
  }
  if (!Number.isFinite(scale) || scale === 0) throw invalid(`\`scale\` is ${String(scale)}.`);
  if (!isLevels(background)) {
    throw invalid(
      "`background` is not a color.",
      "Give the levels of red, green and blue, 0 to 255.",
    );
  }
  if (!Number.isSafeInteger(maxPixels) || maxPixels < 1) {
    throw invalid(`\`maxPixels\` is ${String(maxPixels)}, not a number of pixels.`);
  }
  if (!Array.isArray(formats) || formats.length === 0) throw invalid("`formats` names no format.");
  for (const format of formats) {
    checkChoice("format", format, { known: IMAGE_FORMATS, invalid });
  }
  return {
    size,
    channels,
    layout,
    dtype,
    scale,
    mean: perChannel("mean", options.mean ?? 0, channels),
    std: perChannel("std", options.std ?? 1, channels),
    background: [background[0], background[1], background[2]],
    orient,
    maxPixels,
    formats: [...new Set(formats)],
  };

  function perChannel(key: "mean" | "std", value: unknown, channels: number): number[] {
    const list = Array.isArray(value)
      ? (value as unknown[])
      : Array.from({ length: channels }, () => value);
    const numbers = list.every((one) => Number.isFinite(one) && (key === "mean" || one !== 0));
    if (numbers && list.length === channels) return list as number[];
    throw invalid(
      `\`${key}\` is not ${channels === 1 ? "a number" : `one number, or ${channels}`}${key === "std" ? " other than 0" : ""}.`,
      `An image has ${channels} channel${channels === 1 ? "" : "s"}: see \`channels\`.`,
    );
  }
}

function toSize(size: ImageSize, invalid: InvalidOption): Required<ImageSize> {
  if (typeof size !== "object" || size === null) {
    throw invalid("`size` is not a size.", "Write size: { width: 224, height: 224 }.");
  }
  checkOptionNames(size, SIZE_OPTIONS, invalid);
  const { width, height, fit = "fill", filter = "bilinear", shrinkOnLoad = false } = size;
  for (const [key, side] of Object.entries({ width, height })) {
    if (Number.isInteger(side) && side >= 1 && side <= MOST_SIDE) continue;
    throw invalid(`\`size.${key}\` is ${String(side)}, not a number of pixels up to ${MOST_SIDE}.`);
  }
  checkChoice("fit", fit, { known: ["fill", "cover", "contain"], invalid });
  checkChoice("filter", filter, { known: ["bilinear", "bicubic", "lanczos"], invalid });
  if (typeof shrinkOnLoad !== "boolean") throw invalid("`size.shrinkOnLoad` is not true or false.");
  return { width, height, fit, filter, shrinkOnLoad };
}

function isLevels(color: unknown): boolean {
  return (
    Array.isArray(color) &&
    color.length === 3 &&
    color.every((level) => Number.isInteger(level) && level >= 0 && level <= 255)
  );
}
