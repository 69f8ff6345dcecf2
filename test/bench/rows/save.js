import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "../prepare.js";
import { median, summarize } from "../rounds.js";

const NOTEBOOK = join(ROOT, "notebooks/01-quickstart.ipynb");
const RUNNER = join(ROOT, "dist/kernels/tslab/run-notebook.js");
const TOLD = /bench: save took ([\d.]+) ms, (\d+) replayed/;

/** The quickstart notebook in a fresh kernel, with its `save()` timed from within its cell. */
export const save = {
  id: "save",
  async run({ workplace, rounds }) {
    const notebook = join(workplace.directory, "timed-quickstart.ipynb");
    await writeFile(notebook, timeSave(await readFile(NOTEBOOK, "utf8")));
    const { runNotebook } = await import(pathToFileURL(RUNNER).href);
    const seconds = [];
    let replayed = 0;
    for (let round = 0; round < Math.min(rounds, 3); round++) {
      let printed = "";
      const { failures } = await runNotebook(notebook, {
        cwd: join(ROOT, "notebooks"),
        // A store of its own: the same bundle a second time would not be written again.
        env: { EKIBEN_HOME: join(workplace.directory, `home-${round}`) },
        timeoutMs: 60_000,
        onOutput: (output) => (printed += JSON.stringify(output)),
      });
      if (failures.length > 0) {
        throw new Error(`The notebook failed: ${failures[0].ename}: ${failures[0].evalue}`);
      }
      const told = TOLD.exec(printed);
      if (told === null) throw new Error(`The cell with save() did not tell:\n${printed}`);
      seconds.push(Number(told[1]) / 1000);
      replayed = Number(told[2]);
    }
    return [
      {
        what: "`save()` of the quickstart notebook, verified in a fresh process",
        ...summarize(seconds, (value) => value),
        atMost: 5,
        unit: " s",
        details: [
          `${seconds.length} kernels, median ${median(seconds).toFixed(2)} s, ${replayed} calls replayed`,
        ],
      },
    ];
  },
};

/** @param {string} text a notebook @returns the notebook with a clock around `save()` */
function timeSave(text) {
  const notebook = JSON.parse(text);
  let found = 0;
  for (const cell of notebook.cells) {
    if (cell.cell_type !== "code") continue;
    // Port 5000 may be somebody else's.
    const source = cell.source.join("").replace("startDevServer()", "startDevServer({ port: 0 })");
    const saved = /^const (\w+) = await \w+\.save\(/m.exec(source);
    if (saved === null) {
      cell.source = [source];
      continue;
    }
    found++;
    cell.source = [
      "const benchBegan = performance.now();\n",
      `${source}\n`,
      "console.log(`bench: save took ${performance.now() - benchBegan} ms, ${" +
        `${saved[1]}.verified` +
        "} replayed`);",
    ];
  }
  if (found !== 1) throw new Error(`The quickstart has ${found} cells that call save(), not 1.`);
  return JSON.stringify(notebook);
}
