import type { Rejection } from "../core/rejection.js";
import type { Payload } from "./input.js";

/**
 * The items of a request. A handler may change what it is given, and a request can be given twice,
 * when its batch failed: the second time its items are made anew, where that can be done at once.
 */
export interface ItemSource {
  /** Items `from` up to, without, `to`. */
  take(from: number, to: number): unknown[];
}

/** `again` makes all items once more; without it they are given as they are. */
export function createItemSource(items: readonly unknown[], again?: () => unknown[]): ItemSource {
  const given = new Uint8Array(items.length);
  return {
    take(from, to) {
      const fresh = given.subarray(from, to).every((flag) => flag === 0);
      given.fill(1, from, to);
      if (fresh || again === undefined) return items.slice(from, to);
      const made = again();
      if (made.length === items.length) return made.slice(from, to);
      throw new Error(
        `parse made ${made.length} items of a request that had ${items.length} the first time`,
      );
    },
  };
}

interface Range {
  from: number;
  to: number;
  rejected?: ReadonlyMap<number, Rejection> | undefined;
}

interface SourcePart extends Range {
  readonly source: ItemSource;
}

/** A part of the items of a source as a payload. */
export function toItemPayload(source: ItemSource, { from, to, rejected }: Range): Payload {
  return Object.freeze({
    items: to - from,
    data: Object.freeze({ source, from, to }),
    ...(rejected === undefined ? {} : { rejected }),
  });
}

export function takeItems(payload: Payload): unknown[] {
  const { source, from, to } = payload.data as SourcePart;
  return source.take(from, to);
}

export function splitItems(payload: Payload, maxItems: number): Payload[] {
  const { source, from, to } = payload.data as SourcePart;
  const size = Math.max(1, Math.floor(maxItems));
  if (to - from <= size) return [payload];
  const parts: Payload[] = [];
  for (let at = from; at < to; at += size) {
    parts.push(toItemPayload(source, { from: at, to: Math.min(at + size, to) }));
  }
  return parts;
}
