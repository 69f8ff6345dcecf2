/** `npm run soak`: hours of ordinary and of rough use; what is held must not grow. */
import { parseArgs } from "node:util";
import * as serving from "./parts/serving.js";
import * as tfjs from "./parts/tfjs.js";
import * as workers from "./parts/workers.js";

/** @type {Record<string, { title: string, run(order: Order): Promise<string[]> }>} */
const PARTS = { serving, tfjs, workers };

/**
 * @typedef {object} Order
 * @property {number} seconds how long it runs
 * @property {(text: string) => void} say
 */

const HELP = `Usage: npm run soak -- [options]

  --minutes <n>   how long each part runs; 60 unless told. All run at the same time
  --only <part>   this part only (may be repeated)
  --help

Parts:
${Object.entries(PARTS)
  .map(([name, { title }]) => `  ${name.padEnd(10)} ${title}`)
  .join("\n")}
`;

/** @returns {Promise<number>} the exit code */
async function main() {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "60" },
      only: { type: "string", multiple: true },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error("--minutes takes a number above 0.");
  const names = values.only ?? Object.keys(PARTS);
  const unknown = names.find((name) => !(name in PARTS));
  if (unknown !== undefined) {
    throw new Error(`There is no part ${unknown}; there are ${Object.keys(PARTS).join(", ")}.`);
  }
  const began = performance.now();
  const told = await Promise.all(
    names.map(async (name) => {
      const say = (text) => {
        const at = ((performance.now() - began) / 60_000).toFixed(1).padStart(5);
        process.stdout.write(`${at} min  ${name}: ${text}\n`);
      };
      const findings = await PARTS[name].run({ seconds: minutes * 60, say });
      for (const finding of findings) say(`FINDING ${finding}`);
      if (findings.length === 0) say("no findings");
      return findings.length;
    }),
  );
  return told.some((count) => count > 0) ? 1 : 0;
}

main().then(
  (code) => (process.exitCode = code),
  (error) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  },
);
