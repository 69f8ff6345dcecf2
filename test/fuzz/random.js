import { createRandom } from "../bench/random.js";

/**
 * Choices that are the same for the same numbers. Each request has one of its own, made of the seed
 * and its place in the run, so that it can be made again without those before it.
 * @param {number} seed @param {number} place
 */
export function createChoice(seed, place) {
  const random = createRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(place + 1, 0x85ebca6b));
  const choice = {
    /** A whole number from 0 up to, without, `limit`. */
    below: (limit) => Math.floor(random() * limit),
    chance: (probability) => random() < probability,
    /** @template T @param {readonly T[]} list @returns {T} */
    of: (list) => list[Math.floor(random() * list.length)],
    /** Small ones mostly, large ones now and then. */
    size: (most) => Math.floor(most ** random()),
    /** @param {number} length */
    bytes(length) {
      const bytes = Buffer.alloc(length);
      for (let at = 0; at < length; at++) bytes[at] = Math.floor(random() * 256);
      return bytes;
    },
  };
  return choice;
}
