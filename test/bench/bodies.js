import { FEATURES } from "./features.js";

/** Enough different bodies that nothing learns one by heart. */
const BODIES = 64;

/** A number as measured data has it, with four significant digits. @param {() => number} random */
function measured(random) {
  return Number((random() * 10 ** Math.floor(random() * 4 - 1)).toPrecision(4));
}

/** @param {() => number} random */
function row(random) {
  return Object.fromEntries(FEATURES.map((name) => [name, measured(random)]));
}

/** Bodies with this many rows of 30 numbers, as records. @param {number} rows @param {() => number} random */
export function createTables(rows, random) {
  return Array.from({ length: BODIES }, () =>
    JSON.stringify(Array.from({ length: rows }, () => row(random))),
  );
}

/** Bodies with one list of numbers. @param {number} length @param {() => number} random */
export function createVectors(length, random) {
  return Array.from({ length: BODIES }, () =>
    JSON.stringify(Array.from({ length }, () => Number((random() * 2 - 1).toFixed(4)))),
  );
}
