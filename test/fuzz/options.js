import { parseArgs } from "node:util";

const HELP = `Usage: npm run fuzz -- [options]

  --requests <n>   changed requests to send, 100000 unless told
  --seconds <n>    stop after so long, however many were sent
  --seed <n>       the same seed sends the same requests; 1 unless told
  --only <kind>    requests of this kind only (may be repeated)
  --live <ms>      how late /livez may be answered at any time; 2000 unless told
  --all            go on after a finding, and tell each kind of finding once
  --replay <file>  send the requests of a finding again
  --help

Kinds: `;

/** @param {readonly string[]} args @param {readonly string[]} kinds */
export function readOptions(args, kinds) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      requests: { type: "string", default: "100000" },
      seconds: { type: "string", default: "3600" },
      seed: { type: "string", default: "1" },
      live: { type: "string", default: "2000" },
      only: { type: "string", multiple: true },
      all: { type: "boolean", default: false },
      replay: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}${kinds.join(", ")}\n`);
    return undefined;
  }
  const count = (name, least) => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= least) return value;
    throw new Error(`--${name} takes a whole number from ${least}.`);
  };
  const only = values.only ?? kinds;
  const unknown = only.find((kind) => !kinds.includes(kind));
  if (unknown !== undefined) {
    throw new Error(`There is no kind ${unknown}; there are ${kinds.join(", ")}.`);
  }
  return {
    only,
    requests: count("requests", 1),
    seconds: count("seconds", 1),
    seed: count("seed", 0),
    liveMs: count("live", 1),
    all: values.all,
    replay: values.replay,
  };
}
