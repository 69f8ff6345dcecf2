import { parseArgs } from "node:util";

const HELP = `Usage: npm run bench -- [options]

  --only <row>    run these rows only (may be repeated)
  --rounds <n>    rounds of each row, 7 unless told
  --quick         3 short rounds, to see that all works
  --json          print the results as JSON
  --write         write the table into README.md
  --help

Rows: `;

/** @param {readonly string[]} args @param {readonly string[]} rows */
export function readOptions(args, rows) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", multiple: true },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}${rows.join(", ")}\n`);
    return undefined;
  }
  const rounds = values.rounds === undefined ? (values.quick ? 3 : 7) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds takes a number from 1.");
  const only = values.only ?? rows;
  const unknown = only.find((row) => !rows.includes(row));
  if (unknown !== undefined) {
    throw new Error(`There is no row ${unknown}; there are ${rows.join(", ")}.`);
  }
  return { ...values, only, rounds, durationMs: values.quick ? 600 : 1500 };
}
