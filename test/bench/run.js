/** `npm run bench`: what ekiben costs and gains, as ratios against a baseline in the same run. */
import { join } from "node:path";
import { describeMachine, printMachine } from "./machine.js";
import { readOptions } from "./options.js";
import { checkBuild, createWorkplace, ROOT } from "./prepare.js";
import { endAll } from "./processes.js";
import { printResult, toMarkdown, writeTable } from "./report.js";
import { batching } from "./rows/batching.js";
import { check } from "./rows/check.js";
import { execution } from "./rows/execution.js";
import { formats } from "./rows/formats.js";
import { logging } from "./rows/logging.js";
import { overload } from "./rows/overload.js";
import { save } from "./rows/save.js";
import { start } from "./rows/start.js";
import { hundredRows, oneRow } from "./rows/table.js";
import { tfjs } from "./rows/tfjs.js";
import { trees } from "./rows/trees.js";
import { workers } from "./rows/workers.js";

const ROWS = [
  oneRow,
  hundredRows,
  formats,
  check,
  logging,
  batching,
  execution,
  workers,
  trees,
  tfjs,
  start,
  save,
  overload,
];

/** @returns {Promise<number>} the exit code: a bar that is missed is a result, not a failure */
async function main() {
  const options = readOptions(
    process.argv.slice(2),
    ROWS.map((row) => row.id),
  );
  if (options === undefined) return 0;
  checkBuild();
  const began = performance.now();
  const say = (text) => (options.json ? process.stderr : process.stdout).write(`${text}\n`);
  const machine = describeMachine();
  say(printMachine(machine).join("\n"));

  const workplace = await createWorkplace();
  const results = [];
  const broken = [];
  try {
    for (const row of ROWS.filter(({ id }) => options.only.includes(id))) {
      try {
        const found = await row.run({ workplace, ...options });
        for (const result of found) {
          results.push({ row: row.id, ...result });
          say(`\n${printResult(result)}`);
        }
      } catch (error) {
        broken.push(row.id);
        say(`\n${row.id} broke: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    endAll();
    await workplace.remove();
  }
  say(`\n${((performance.now() - began) / 1000).toFixed(0)} s`);
  if (options.json) process.stdout.write(`${JSON.stringify({ machine, results, broken })}\n`);
  if (options.write) {
    if (broken.length > 0 || options.only.length < ROWS.length) {
      throw new Error("README.md gets whole tables only: run all rows, without one that breaks.");
    }
    writeTable(join(ROOT, "README.md"), toMarkdown(results, printMachine(machine)));
  }
  return broken.length === 0 ? 0 : 1;
}

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.once(signal, () => {
    endAll();
    process.exit(1);
  });
}

main().then(
  (code) => (process.exitCode = code),
  (error) => {
    endAll();
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
