import type { Kind } from "./setting.js";

/** The factors that a unit stands for, the largest first. A letter alone is as with Docker and the JVM. */
const UNITS: readonly (readonly [unit: string, bytes: number])[] = [
  ["GiB", 2 ** 30],
  ["GB", 1e9],
  ["MiB", 2 ** 20],
  ["MB", 1e6],
  ["KiB", 2 ** 10],
  ["KB", 1e3],
  ["B", 1],
];
const LETTERS: Readonly<Record<string, string>> = { "": "b", k: "kib", m: "mib", g: "gib" };
const FACTORS: ReadonlyMap<string, number> = new Map(
  UNITS.map(([unit, bytes]) => [unit.toLowerCase(), bytes]),
);

/** A number of bytes, with or without a unit. */
export function byteSize(least = 1): Kind<number> {
  return {
    placeholder: "<size>",
    expected: `a size of at least ${printByteSize(least)}, such as 500KB, 64MiB or 2GB`,
    read(written) {
      if (typeof written !== "number" && typeof written !== "string") return undefined;
      const found = /^(\d+(?:\.\d+)?) ?([kmg]?i?b|[kmg])?$/i.exec(String(written).trim());
      if (found === null) return undefined;
      const unit = found[2]?.toLowerCase() ?? "";
      const factor = FACTORS.get(LETTERS[unit] ?? unit);
      if (factor === undefined || (factor === 1 && found[1]!.includes("."))) return undefined;
      const size = Math.round(Number(found[1]) * factor);
      return size >= least && Number.isSafeInteger(size) ? size : undefined;
    },
    print: printByteSize,
  };
}

/** A size as it can be given too, with the largest unit that says it exactly: `100MiB`. */
function printByteSize(size: number): string {
  const [unit, bytes] = UNITS.find(([, factor]) => size % factor === 0)!;
  return bytes === 1 ? String(size) : `${size / bytes}${unit}`;
}
