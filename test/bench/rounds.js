import { createRandom, shuffle } from "./random.js";

/** @param {readonly number[]} numbers */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Runs every variant once a round, each round in another order: what the machine does meanwhile
 * meets all of them alike.
 * @template T
 * @param {Record<string, () => Promise<T>>} variants
 * @param {number} rounds
 * @returns {Promise<Record<string, T>[]>}
 */
export async function interleave(variants, rounds) {
  const random = createRandom(rounds);
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const result = {};
    for (const name of shuffle(Object.keys(variants), random)) {
      result[name] = await variants[name]();
    }
    results.push(result);
  }
  return results;
}

/**
 * The ratio of each round, and from them the median with the least and the largest.
 * @template T
 * @param {readonly T[]} rounds
 * @param {(round: T) => number} ratio
 */
export function summarize(rounds, ratio) {
  const ratios = rounds.map(ratio);
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
}
