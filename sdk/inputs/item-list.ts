import { EkibenError } from "../core/errors.js";
import { isRejection, type Rejection } from "../core/rejection.js";
import type { Payload } from "./input.js";

/** The items that are for the handler, and by their places those that have their answer already. */
export interface ItemList {
  items: unknown[];
  rejected?: ReadonlyMap<number, Rejection>;
}

/** @throws INPUT_INVALID with the place of the item that `readItem` refuses. */
export function toItemList(
  list: readonly unknown[],
  readItem: (value: unknown) => unknown = (value) => value,
): ItemList {
  const rejected = new Map<number, Rejection>();
  const items: unknown[] = [];
  list.forEach((item, place) => {
    if (isRejection(item)) rejected.set(place, item);
    else items.push(readAt(readItem, item, place));
  });
  return rejected.size === 0 ? { items } : { items, rejected };
}

function readAt(readItem: (value: unknown) => unknown, item: unknown, place: number): unknown {
  try {
    return readItem(item);
  } catch (error) {
    if (!(error instanceof EkibenError) || error.code !== "INPUT_INVALID") throw error;
    const { detail, issues, ...facts } = error.facts;
    throw new EkibenError("INPUT_INVALID", {
      ...facts,
      detail: `Item ${place}: ${detail}`,
      issues: issues?.map(({ path = "", ...issue }) => ({
        ...issue,
        path: `[${place}]${path === "" || path.startsWith("[") ? path : `.${path}`}`,
      })),
    });
  }
}

/**
 * The payload of the items of a list, with the places of the list: those that its own input has
 * answered have places among its items.
 */
export function addRejected(
  payload: Payload,
  rejected: ReadonlyMap<number, Rejection>,
  count: number,
): Payload {
  const all = new Map<number, Rejection>();
  let inner = 0;
  for (let place = 0; place < count; place++) {
    const answer = rejected.get(place) ?? payload.rejected?.get(inner++);
    if (answer !== undefined) all.set(place, answer);
  }
  return Object.freeze({ ...payload, rejected: all });
}
