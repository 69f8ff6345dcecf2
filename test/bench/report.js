import { readFileSync, writeFileSync } from "node:fs";

const START = "<!-- bench:start -->";
const END = "<!-- bench:end -->";

/**
 * @typedef {object} Result
 * @property {string} what
 * @property {number} median
 * @property {number} min
 * @property {number} max
 * @property {string} unit
 * @property {number} [atLeast]
 * @property {number} [atMost]
 * @property {string[]} details
 */

/** @param {number} value @param {string} unit */
function print(value, unit) {
  const digits = value >= 20 ? 0 : value >= 2.95 ? 1 : 2;
  return `${value.toFixed(digits)}${unit}`;
}

/** @param {Result} result */
export function isReached({ median, atLeast, atMost }) {
  return median >= (atLeast ?? -Infinity) && median <= (atMost ?? Infinity);
}

/** @param {Result} result */
/** What is only measured has none. */
function hasBar({ atLeast, atMost }) {
  return atLeast !== undefined || atMost !== undefined;
}

function printBar({ atLeast, atMost, unit }) {
  if (!hasBar({ atLeast, atMost })) return "–";
  return atLeast === undefined ? `≤ ${atMost}${unit}` : `≥ ${atLeast}${unit}`;
}

/** @param {Result} result */
export function printResult(result) {
  const { what, median, min, max, unit, details } = result;
  const spread = `${print(min, unit)} to ${print(max, unit)}`;
  return [
    what,
    `  ${print(median, unit)} (${spread})${hasBar(result) ? `, bar ${printBar(result)}: ${isReached(result) ? "reached" : "NOT REACHED"}` : ""}`,
    ...details.map((line) => `    ${line}`),
  ].join("\n");
}

/** @param {readonly Result[]} results @param {readonly string[]} machine */
export function toMarkdown(results, machine) {
  const lines = results.map((result) => {
    const { what, median, min, max, unit } = result;
    const reached = isReached(result) ? "" : " (not reached)";
    return `| ${what} | **${print(median, unit)}** | ${print(min, unit)} to ${print(max, unit)} | ${printBar(result)}${reached} |`;
  });
  return [
    "| What | Median | Rounds | Bar |",
    "|---|---|---|---|",
    ...lines,
    "",
    `Made by \`npm run bench\` on ${machine[0]}; ${machine[2]}.`,
  ].join("\n");
}

/**
 * Puts a table between the marks of a Markdown file.
 * @throws Error when the file does not have both marks.
 */
export function writeTable(file, table) {
  const text = readFileSync(file, "utf8");
  const start = text.indexOf(START);
  const end = text.indexOf(END, start);
  if (start === -1 || end === -1) {
    throw new Error(`${file} has no region between ${START} and ${END}.`);
  }
  writeFileSync(file, `${text.slice(0, start + START.length)}\n${table}\n${text.slice(end)}`);
}
