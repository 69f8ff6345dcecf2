import { setImmediate } from "node:timers/promises";
import type { Pixels } from "./decode-image.js";
import type { ImageSize } from "./image-options.js";

type Kernel = (distance: number) => number;

/** One direction of an image that is made larger, of which a window is wanted. */
export interface Axis {
  /** Pixels that the image has. */
  from: number;
  /** Pixels that it gets. */
  to: number;
  /** Where among those the window begins. */
  start: number;
  /** Pixels of the window. */
  count: number;
  /** Where in the image the given pixels begin; all that the window is made of have to be there. */
  offset: number;
}

const sinc: Kernel = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** The filters of Pillow: how far they reach, and the weight of a pixel at a distance (Resample.c). */
const FILTERS: Readonly<Record<Required<ImageSize>["filter"], { support: number; weigh: Kernel }>> =
  {
    bilinear: { support: 1, weigh: (x) => 1 - x },
    bicubic: {
      support: 2,
      // Keys' cubic convolution with a = -0.5.
      weigh: (x) => (x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((-0.5 * x + 2.5) * x - 4) * x + 2),
    },
    lanczos: { support: 3, weigh: (x) => sinc(x) * sinc(x / 3) },
  };

/** The pixels on each side that a filter reaches at most. */
export const REACH = 3;
/** Weights are whole numbers of 2^-22, as in Pillow, so that the same sums are rounded. */
const ONE = 2 ** 22;
/** Levels made before other work gets its turn: about a millisecond. */
const PER_TURN = 100_000;

/**
 * Brings pixels to a size that is nowhere smaller, first the rows, then the columns, rounded to
 * levels in between: bit for bit what Pillow makes. Gives the event loop a turn now and then.
 */
export async function enlarge(
  { data, width, height, bands }: Pixels,
  { x, y, filter }: { x: Axis; y: Axis; filter: Required<ImageSize>["filter"] },
): Promise<Pixels> {
  const wide = await stretchRows({ data, width, height, bands }, toTaps(x, filter));
  const row = x.count * bands;
  return {
    data: await stretchColumns(wide, row, toTaps(y, filter)),
    width: x.count,
    height: y.count,
    bands,
  };
}

interface Taps {
  /** The first pixel, counted from the given ones. */
  first: number;
  weights: Float64Array;
}

/** Which pixels, and how much of each, make the pixel at each place of the window. */
function toTaps(
  { from, to, start, count, offset }: Axis,
  filter: Required<ImageSize>["filter"],
): Taps[] {
  const { support, weigh } = FILTERS[filter];
  return Array.from({ length: count }, (_, place) => {
    const center = ((start + place + 0.5) * from) / to;
    const first = Math.max(0, Math.floor(center - support + 0.5));
    const end = Math.min(from, Math.floor(center + support + 0.5));
    const weights = Float64Array.from({ length: end - first }, (_, i) => {
      const distance = Math.abs(first + i + 0.5 - center);
      return distance < support ? weigh(distance) : 0;
    });
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first: first - offset, weights: weights.map((weight) => toFixed(weight / sum)) };
  });
}

function toFixed(weight: number): number {
  return weight < 0 ? -Math.floor(0.5 - weight * ONE) / ONE : Math.floor(0.5 + weight * ONE) / ONE;
}

async function stretchRows(
  { data, width, height, bands }: Pixels,
  taps: readonly Taps[],
): Promise<Uint8Array> {
  const target = new Uint8ClampedArray(taps.length * height * bands);
  let at = 0;
  for (let y = 0; y < height; y += 1) {
    for (const { first, weights } of taps) {
      const start = (y * width + first) * bands;
      for (let band = 0; band < bands; band += 1) {
        let sum = 0.5;
        for (let i = 0; i < weights.length; i += 1) {
          sum += weights[i]! * data[start + i * bands + band]!;
        }
        target[at++] = Math.floor(sum);
      }
    }
    if (isTurn(y, taps.length * bands)) await setImmediate();
  }
  return new Uint8Array(target.buffer);
}

async function stretchColumns(
  data: Uint8Array,
  row: number,
  taps: readonly Taps[],
): Promise<Uint8Array> {
  const target = new Uint8ClampedArray(row * taps.length);
  let at = 0;
  for (let y = 0; y < taps.length; y += 1) {
    const { first, weights } = taps[y]!;
    for (let x = 0; x < row; x += 1) {
      let sum = 0.5;
      for (let i = 0; i < weights.length; i += 1) sum += weights[i]! * data[(first + i) * row + x]!;
      target[at++] = Math.floor(sum);
    }
    if (isTurn(y, row)) await setImmediate();
  }
  return new Uint8Array(target.buffer);
}

/** Whether a row of `size` levels is the one with which a turn is used up. */
function isTurn(y: number, size: number): boolean {
  return Math.floor(((y + 1) * size) / PER_TURN) > Math.floor((y * size) / PER_TURN);
}
