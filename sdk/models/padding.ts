import { EkibenError } from "../core/errors.js";
import { findClosestName, printNames } from "../core/closest-name.js";
import { fillCells } from "./cells.js";
import { placeCorner } from "./row-tensors.js";
import type { Feed } from "./tensor-value.js";
import { countElements, createElements, type Tensor, type TensorSlot } from "../tensor/tensor.js";

type Filler = number | bigint | string | boolean;

/** How rows of several lengths are made one. */
export interface PadOptions {
  /** What stands after the end of a short row; by the name of the input where they differ. */
  value: Filler | Readonly<Record<string, Filler>>;
  /**
   * The input that says which elements are real: 1 (or true) for those, 0 (or false) for the
   * padding. It is made when it is not given.
   */
  mask?: string;
}

/**
 * Checks padding against the inputs that a model really has.
 * @throws SERVICE_INVALID
 */
export function checkPadOptions(
  model: string,
  slots: readonly TensorSlot[],
  pad: PadOptions,
): void {
  const names = slots.map((slot) => slot.name);
  const byName = typeof pad.value === "object" ? Object.keys(pad.value) : [];
  const strange = [...byName, ...(pad.mask === undefined ? [] : [pad.mask])].find(
    (name) => !names.includes(name),
  );
  if (strange !== undefined) {
    const near = findClosestName(strange, names);
    throw new EkibenError("SERVICE_INVALID", {
      detail: `The option \`pad\` names ${JSON.stringify(strange)}, and the inputs of the model ${JSON.stringify(model)} are ${printNames(names)}.`,
      ...(near !== undefined && { hint: `Did you mean ${JSON.stringify(near)}?` }),
      received: strange,
    });
  }
  for (const slot of slots) {
    if (slot.name === pad.mask) continue;
    const value = fillerOf(pad, slot.name);
    if (value === undefined) continue;
    fillCells(slot.dtype, createElements(slot.dtype, 1), [value], {
      offset: 0,
      stride: 1,
      refuse: (_, __, expected) => {
        throw new EkibenError("SERVICE_INVALID", {
          detail: `The option \`pad\` fills the input ${JSON.stringify(slot.name)} of the model ${JSON.stringify(model)} with ${JSON.stringify(String(value))}, which is not ${expected}.`,
          expected,
          received: String(value),
        });
      },
    });
  }
}

function fillerOf({ value }: PadOptions, name: string): Filler | undefined {
  return typeof value === "object" ? value[name] : value;
}

/**
 * Fills rows of several lengths up to the longest, or to the size that the model declares, and makes
 * the mask. The mask has the first dimensions of the input that it is for.
 */
export function padFeeds(
  slots: readonly TensorSlot[],
  feeds: Readonly<Record<string, Feed>>,
  pad: PadOptions,
): Record<string, Feed> {
  const padded: Record<string, Feed> = { ...feeds };
  let masked: Feed | undefined;
  for (const slot of slots) {
    const feed = feeds[slot.name];
    if (feed === undefined) continue;
    const value = slot.name === pad.mask ? 0 : fillerOf(pad, slot.name);
    if (value === undefined) continue;
    if (slot.name !== pad.mask && (masked === undefined || isList(feed))) masked = feed;
    padded[slot.name] = padFeed(slot, feed, value);
  }
  const mask = slots.find((slot) => slot.name === pad.mask);
  if (mask !== undefined && feeds[mask.name] === undefined && masked !== undefined) {
    padded[mask.name] = padFeed(mask, toMarks(mask, masked), 0);
  }
  return padded;
}

function isList(feed: Feed): feed is readonly Tensor[] {
  return Array.isArray(feed);
}

function padFeed(slot: TensorSlot, feed: Feed, value: Filler): Feed {
  const rows = isList(feed) ? feed : [feed];
  const first = rows[0]!.dims;
  const longest = first.map((_, axis) => Math.max(...rows.map(({ dims }) => dims[axis] ?? 0)));
  const full = longest.map((size, axis) =>
    axis === 0 ? size : Math.max(size, slot.shape[axis] ?? 0),
  );
  if (!isList(feed) && full.every((size, axis) => size === first[axis])) return feed;
  const dims = isList(feed) ? [rows.length, ...full.slice(1)] : full;
  const data = createElements(slot.dtype, countElements(dims));
  const filler = createElements(slot.dtype, 1);
  fillCells(slot.dtype, filler, [value], { offset: 0, stride: 1, refuse: unreachable });
  data.fill(filler[0] as never);
  const size = countElements(full.slice(1));
  rows.forEach((row, i) => {
    placeCorner({ data, dims: isList(feed) ? [1, ...full.slice(1)] : full, at: i * size }, row);
  });
  return { type: slot.dtype, dims, data };
}

/** Ones where an input has elements. */
function toMarks(mask: TensorSlot, feed: Feed): Feed {
  const ones = ({ dims }: Tensor): Tensor => {
    const own = mask.shape.length === 0 ? dims : dims.slice(0, mask.shape.length);
    const data = createElements(mask.dtype, countElements(own));
    const one = mask.dtype === "string" ? "1" : mask.dtype.endsWith("int64") ? 1n : 1;
    data.fill(one as never);
    return { type: mask.dtype, dims: own, data };
  };
  return isList(feed) ? feed.map(ones) : ones(feed);
}

/** The fillers were tried when the model was loaded. */
function unreachable(): never {
  throw new TypeError("a filler of the option pad does not fit its input");
}
