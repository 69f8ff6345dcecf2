import { TreeFault } from "./tree.js";

/** Sets of categories as bits: those of set `i` are in `words` from `starts[i]` to `starts[i + 1]`. */
export interface CategorySets {
  readonly starts: Int32Array;
  readonly words: Uint32Array;
}

/** Categories are smaller: a float32 holds no odd number beyond. */
const LIMIT = 1 << 24;

/**
 * 1 or 0, whether a category is in a set. A fraction counts as the category below it; what is no
 * category is in no set.
 */
export function countCategory({ starts, words }: CategorySets, set: number, value: number): number {
  if (!(value >= 0 && value < LIMIT)) return 0;
  const category = value | 0;
  const word = starts[set]! + (category >> 5);
  return word < starts[set + 1]! ? (words[word]! >>> (category & 31)) & 1 : 0;
}

/** Collects sets, equal ones once. */
export class CategorySetList {
  readonly #starts: number[] = [0];
  readonly #words: number[] = [];
  readonly #places = new Map<string, number>();

  /** @throws TreeFault for what is no category. */
  add(categories: ArrayLike<number>): number {
    for (const category of Array.from(categories)) {
      if (!(Number.isInteger(category) && category >= 0 && category < LIMIT)) {
        throw new TreeFault(`${category} is no category`);
      }
    }
    const sorted = Int32Array.from(categories).sort();
    const key = sorted.join();
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const start = this.#words.length;
    const size = sorted.length === 0 ? 0 : (sorted.at(-1)! >> 5) + 1;
    for (let word = 0; word < size; word += 1) this.#words.push(0);
    for (const category of sorted) this.#words[start + (category >> 5)]! |= 1 << (category & 31);
    const set = this.#starts.push(this.#words.length) - 2;
    this.#places.set(key, set);
    return set;
  }

  finish(): CategorySets {
    return { starts: Int32Array.from(this.#starts), words: Uint32Array.from(this.#words) };
  }
}
