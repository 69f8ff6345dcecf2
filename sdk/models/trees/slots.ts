/**
 * What a row must have to be walked with: the values of features, some of them negated, and for
 * some sets of categories 1 or 0, whether the value is among them.
 */
export interface Slots {
  readonly features: Int32Array;
  /** 1, or -1 for the negated value. */
  readonly signs: Float32Array;
  /** The slots of sets. Up to there they hold the value itself, not negated. */
  readonly members: {
    readonly slots: Int32Array;
    readonly sets: Int32Array;
    readonly signs: Float32Array;
  };
}

/** Collects slots, equal ones once. */
export class SlotList {
  readonly #places = new Map<string, number>();
  readonly #features: number[] = [];
  readonly #signs: number[] = [];
  readonly #members: { slot: number; set: number; sign: number }[] = [];

  /** The slot of a feature, or of whether its value is in a set. */
  find(feature: number, isNegated: boolean, set = -1): number {
    const key = `${feature} ${isNegated} ${set}`;
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const sign = isNegated ? -1 : 1;
    const slot = this.#features.push(feature) - 1;
    this.#signs.push(set === -1 ? sign : 1);
    if (set !== -1) this.#members.push({ slot, set, sign });
    this.#places.set(key, slot);
    return slot;
  }

  finish(): Slots {
    // A leaf reads slot 0 without using it.
    if (this.#features.length === 0) this.find(0, false);
    return {
      features: Int32Array.from(this.#features),
      signs: Float32Array.from(this.#signs),
      members: {
        slots: Int32Array.from(this.#members, ({ slot }) => slot),
        sets: Int32Array.from(this.#members, ({ set }) => set),
        signs: Float32Array.from(this.#members, ({ sign }) => sign),
      },
    };
  }
}
