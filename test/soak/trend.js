const MIB = 2 ** 20;

/** The part of a run that a server may take to reach the size that it keeps. */
const WARM_UP = 0.25;

/**
 * Collects what something holds over a run, and says whether it grew: the median of the last third
 * of the samples against that of the first third behind the warm-up. Medians, since garbage is
 * collected when the engine likes.
 * @param {string} name
 * @param {{ most: number, unit?: "MiB" | "" }} bound how much more it may be in the end
 */
export function createTrend(name, { most, unit = "" }) {
  const samples = [];
  const print = (value) =>
    unit === "MiB" ? `${(value / MIB).toFixed(1)} MiB` : String(Math.round(value));
  const ends = () => {
    const settled = samples.slice(Math.floor(samples.length * WARM_UP));
    const third = Math.max(1, Math.floor(settled.length / 3));
    return { first: median(settled.slice(0, third)), last: median(settled.slice(-third)) };
  };
  return {
    add: (value) => void (value !== undefined && samples.push(value)),
    tell() {
      if (samples.length === 0) return `${name} was not to be had`;
      const { first, last } = ends();
      return `${name} ${print(first)} -> ${print(last)} (${samples.length} samples)`;
    },
    /** @returns {string[]} */
    findings() {
      if (samples.length < 6) return [`${name}: only ${samples.length} samples`];
      const { first, last } = ends();
      return last - first <= most ? [] : [`${name} grew from ${print(first)} to ${print(last)}`];
    },
  };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

export { MIB };
