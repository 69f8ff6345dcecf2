/** `npm run fuzz`: changed requests over real sockets, while good ones go on and must be right. */
import { Asker, Finding } from "./ask.js";
import { createCanaries } from "./canaries.js";
import { makeRequest } from "./make-request.js";
import { readOptions } from "./options.js";
import { createChoice } from "./random.js";
import { createTally, printFinding, printMemory, readFinding } from "./report.js";
import { beRough } from "./rough-clients.js";
import { makeSeeds } from "./seeds.js";
import { serveEverything } from "./serving.js";
import { compareEnd, lookInside, watchLife } from "./watch.js";

const SENDERS = 12;
const CANARIES = 3;
/** The part of the requests after which memory is taken as what the server needs. */
const WARM_UP = 0.15;

const say = (text) => process.stdout.write(`${text}\n`);

/** @returns {Promise<number>} the exit code */
async function main() {
  const seeds = await makeSeeds();
  const kinds = [...new Set(seeds.map(({ kind }) => kind))];
  const options = readOptions(process.argv.slice(2), kinds);
  if (options === undefined) return 0;
  const serving = await serveEverything();
  const others = new Set();
  try {
    if (options.replay === undefined) await fuzz(serving, seeds, { ...options, others });
    else await replay(serving, options.replay);
    return 0;
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    const { failures } = serving;
    const alongside = [...others].filter((one) => one !== error.request);
    say(printFinding(error, { seed: options.seed, others: alongside, failures }));
    return 1;
  } finally {
    if (serving.isAlive()) serving.child.kill("SIGKILL");
    await serving.remove();
  }
}

async function fuzz(serving, seeds, { only, requests, seconds, seed, others }) {
  const began = performance.now();
  const chosen = seeds.filter(({ kind }) => only.includes(kind));
  const tally = createTally();
  let next = 0;
  let failed = false;
  const isOver = () => failed || performance.now() - began > seconds * 1000;

  const send = async (limit) => {
    const asker = new Asker(serving);
    while (next < limit && !isOver()) {
      const place = next++;
      const request = { ...makeRequest(chosen, seed, place), place };
      others.add(request);
      tally.add(request.kind, await asker.ask(request));
      others.delete(request);
      expectQuiet(serving, request);
    }
    asker.destroy();
  };
  const senders = (limit) => Array.from({ length: SENDERS }, () => send(limit));

  let sent = false;
  const canary = createCanaries(seeds);
  const goOn = async () => {
    const asker = new Asker(serving);
    while (!sent && !failed) tally.add("canary", await asker.ask(canary()).then((status) => status));
    asker.destroy();
  };
  const rough = async (count) => {
    for (let at = 0; at < count && !isOver(); at++) {
      await beRough(serving, seeds, createChoice(seed, -1 - at));
      tally.add("rough clients", 200);
    }
  };
  const together = async (work) => {
    // All of them end before anybody looks at what they have left behind.
    const settled = await Promise.allSettled(
      work.map((one) =>
        one.catch((error) => {
          failed = true;
          throw error;
        }),
      ),
    );
    const broken = settled.filter(({ status }) => status === "rejected").map(({ reason }) => reason);
    const finding = broken.find((error) => error instanceof Finding && error.request !== undefined);
    if (broken.length > 0) throw finding ?? broken[0];
  };

  const life = watchLife(serving, () => sent || failed);
  const canaries = Array.from({ length: CANARIES }, goOn);
  const changed = (async () => {
    await together([...senders(Math.ceil(requests * WARM_UP)), rough(20)]);
    const start = await lookInside(serving);
    await together([...senders(requests), rough(Math.min(200, Math.ceil(requests / 250)))]);
    sent = true;
    return start;
  })();
  await together([life, changed, ...canaries]);
  expectQuiet(serving);
  const start = await changed;
  const end = await compareEnd(serving, start);
  const { slowestMs, probes } = await life;
  const took = (performance.now() - began) / 1000;
  const code = await serving.stop();
  if (code !== 0) throw new Finding(`The server ended with ${code}.`);
  if (serving.listTemporary().length > 0) throw new Finding("The server left files behind.");

  say(tally.print());
  say(printMemory(start, end));
  say(`slowest of ${probes} /livez: ${slowestMs.toFixed(0)} ms`);
  say(`${next} requests with seed ${seed} in ${took.toFixed(1)} s, no findings`);
}

/** What the server logs as an error nobody may cause from outside. @throws Finding */
function expectQuiet(serving, request) {
  if (serving.failures.length > 0) throw new Finding("The server logged a failure.", request);
  if (!serving.isAlive()) throw new Finding("The server has ended.", request);
}

/** First the request of the finding alone, then together with those that were under way. */
async function replay(serving, file) {
  const { message, requests } = readFinding(file);
  say(`again: ${message}`);
  const asker = new Asker(serving);
  for (const together of [requests.slice(0, 1), ...Array(20).fill(requests)]) {
    const statuses = await Promise.all(
      together.map((request, at) => (at === 0 ? asker : new Asker(serving)).ask(request)),
    );
    if (together.length === 1) say(`answered with ${statuses[0]}`);
    expectQuiet(serving, requests[0]);
  }
  await lookInside(serving);
  say("no finding this time");
}

main().then(
  (code) => (process.exitCode = code),
  (error) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  },
);
