import { setImmediate } from "node:timers/promises";

const MIB = 2 ** 20;

/** What this process holds once garbage is collected, in bytes; needs `--expose-gc`. */
export async function readMemory() {
  for (let round = 0; round < 3; round++) {
    globalThis.gc();
    // Finalizers run in between, and free what the next round finds.
    await setImmediate();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed, outside: external, rss };
}

/** How much more each may be: of tensors none; allocators and compiled code move about. */
const MOST = {
  tensors: ["tensors", 0],
  bytes: ["bytes of tensors", 0],
  heap: ["heap", 8 * MIB],
  outside: ["memory outside of the heap", 8 * MIB],
  rss: ["resident memory", 64 * MIB],
};

/**
 * @param {Record<string, number>} before
 * @param {Record<string, number>} after
 * @returns {string[]} the findings
 */
export function findGrowth(before, after) {
  return Object.entries(MOST).flatMap(([key, [name, most]]) => {
    if (after[key] - before[key] <= most) return [];
    const print = (value) => (most === 0 ? String(value) : toMib(value));
    return [`${name} grew from ${print(before[key])} to ${print(after[key])}`];
  });
}

/** @param {{ heap: number, outside: number, rss: number }} memory */
export function printMemory({ heap, outside, rss }) {
  return `heap ${toMib(heap)}, outside ${toMib(outside)}, resident ${toMib(rss)}`;
}

const toMib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;
