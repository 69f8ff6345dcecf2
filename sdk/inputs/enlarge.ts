import { setImmediate } from "node:timers/promises";
import type { Pixels } from "./decode-image.js";
import type { ImageSize } from "./image-options.js";

type Filter = Required<ImageSize>["filter"];
type Kernel = (distance: number) => number;

const sinc: Kernel = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** The filters of Pillow: how far they reach, and the weight of a pixel at a distance (Resample.c). */
const FILTERS: Readonly<Record<Filter, { support: number; weigh: Kernel }>> = {
  bilinear: { support: 1, weigh: (x) => 1 - x },
  bicubic: {
    support: 2,
    // Keys' cubic convolution with a = -0.5.
    weigh: (x) => (x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((-0.5 * x + 2.5) * x - 4) * x + 2),
  },
  lanczos: { support: 3, weigh: (x) => sinc(x) * sinc(x / 3) },
};

/** Levels made before other work gets its turn: about a millisecond. */
const PER_TURN = 100_000;

/**
 * Brings pixels to a size that is nowhere smaller, first the rows, then the columns, rounded to
 * levels in between, as Pillow does it. Gives the event loop a turn now and then.
 */
export async function enlarge(
  pixels: Pixels,
  { width, height, filter }: { width: number; height: number; filter: Filter },
): Promise<Pixels> {
  const { bands } = pixels;
  const wide =
    pixels.width === width ? pixels.data : await stretchRows(pixels, width, FILTERS[filter]);
  const data =
    pixels.height === height
      ? wide
      : await stretchColumns({ ...pixels, data: wide, width }, height, FILTERS[filter]);
  return { data, width, height, bands };
}

interface Taps {
  first: number;
  weights: Float64Array;
}

/** Which pixels, and how much of each, make the pixel at each place. */
function toTaps(from: number, to: number, { support, weigh }: (typeof FILTERS)[Filter]): Taps[] {
  return Array.from({ length: to }, (_, place) => {
    const center = ((place + 0.5) * from) / to;
    const first = Math.max(0, Math.floor(center - support + 0.5));
    const end = Math.min(from, Math.floor(center + support + 0.5));
    const weights = Float64Array.from({ length: end - first }, (_, i) => {
      const distance = Math.abs(first + i + 0.5 - center);
      return distance < support ? weigh(distance) : 0;
    });
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

async function stretchRows(
  { data, width, height, bands }: Pixels,
  to: number,
  filter: (typeof FILTERS)[Filter],
): Promise<Uint8Array> {
  // A clamped array rounds halves to even and cuts at 0 and 255.
  const target = new Uint8ClampedArray(to * height * bands);
  const taps = toTaps(width, to, filter);
  let at = 0;
  for (let y = 0; y < height; y += 1) {
    for (const { first, weights } of taps) {
      const start = (y * width + first) * bands;
      for (let band = 0; band < bands; band += 1) {
        let sum = 0;
        for (let i = 0; i < weights.length; i += 1) {
          sum += weights[i]! * data[start + i * bands + band]!;
        }
        target[at++] = sum;
      }
    }
    if (isTurn(y, to * bands)) await setImmediate();
  }
  return new Uint8Array(target.buffer);
}

async function stretchColumns(
  { data, width, height, bands }: Pixels,
  to: number,
  filter: (typeof FILTERS)[Filter],
): Promise<Uint8Array> {
  const row = width * bands;
  const target = new Uint8ClampedArray(row * to);
  const taps = toTaps(height, to, filter);
  let at = 0;
  for (let y = 0; y < to; y += 1) {
    const { first, weights } = taps[y]!;
    for (let x = 0; x < row; x += 1) {
      let sum = 0;
      for (let i = 0; i < weights.length; i += 1) sum += weights[i]! * data[(first + i) * row + x]!;
      target[at++] = sum;
    }
    if (isTurn(y, row)) await setImmediate();
  }
  return new Uint8Array(target.buffer);
}

/** Whether a row of `size` levels is the one with which a turn is used up. */
function isTurn(y: number, size: number): boolean {
  return Math.floor(((y + 1) * size) / PER_TURN) > Math.floor((y * size) / PER_TURN);
}
