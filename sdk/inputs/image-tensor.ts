import { toTensorArray, type TensorArray } from "../tensor/tensor-array.js";
import { createElements } from "../tensor/tensor.js";
import type { Pixels } from "./decode-image.js";
import type { ImagePlan } from "./image-options.js";

/** Writes pixels into tensors as a plan says. */
export interface PixelWriter {
  /** The tensor of one image. */
  toTensor(pixels: Pixels): TensorArray;
  /** The tensor of images that have the size of the plan, along a new first dimension. */
  toStack(images: readonly Pixels[]): TensorArray;
}

export function createPixelWriter(plan: ImagePlan): PixelWriter {
  const { channels, layout, dtype, size } = plan;
  const tables = dtype === "float32" ? toTables(plan) : undefined;

  const dimsOf = (width: number, height: number): number[] =>
    layout === "HWC" ? [height, width, channels] : [channels, height, width];

  const write = (pixels: Pixels, target: Uint8Array | Float32Array, offset: number): void => {
    const count = pixels.width * pixels.height;
    const levels = channels === 1 ? toGray(pixels) : pixels.data;
    if (tables === undefined && (layout === "HWC" || channels === 1)) {
      target.set(levels, offset);
      return;
    }
    const [step, plane] = layout === "HWC" ? [channels, 1] : [1, count];
    for (let channel = 0; channel < channels; channel += 1) {
      let to = offset + channel * plane;
      const end = count * channels;
      const table = tables?.[channel];
      if (table === undefined) {
        for (let at = channel; at < end; at += channels, to += step) target[to] = levels[at]!;
      } else {
        for (let at = channel; at < end; at += channels, to += step)
          target[to] = table[levels[at]!]!;
      }
    }
  };

  const make = (images: readonly Pixels[], dims: number[]): TensorArray => {
    const elements = images.reduce((sum, { width, height }) => sum + width * height * channels, 0);
    const data = createElements(dtype, elements) as Uint8Array | Float32Array;
    let offset = 0;
    for (const image of images) {
      write(image, data, offset);
      offset += image.width * image.height * channels;
    }
    return toTensorArray({ type: dtype, dims, data });
  };

  return {
    toTensor: (pixels) => make([pixels], dimsOf(pixels.width, pixels.height)),
    toStack: (images) => make(images, [images.length, ...dimsOf(size!.width, size!.height)]),
  };
}

/** What each level becomes in each channel: there are only 256. */
function toTables({ channels, scale, mean, std }: ImagePlan): Float32Array[] {
  return Array.from({ length: channels }, (_, channel) =>
    Float32Array.from(
      { length: 256 },
      (_, level) => (level * scale - mean[channel]!) / std[channel]!,
    ),
  );
}

/**
 * Gray levels as Pillow makes them (Convert.c): ITU-R 601-2 luma of the levels as they are stored,
 * L = 0.299 R + 0.587 G + 0.114 B, in 16-bit fixed point.
 */
function toGray({ data, width, height, bands }: Pixels): Uint8Array {
  const gray = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < gray.length; i += 1, at += bands) {
    gray[i] = (data[at]! * 19_595 + data[at + 1]! * 38_470 + data[at + 2]! * 7471 + 0x8000) >> 16;
  }
  return gray;
}
