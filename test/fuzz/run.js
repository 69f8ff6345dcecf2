/** `npm run fuzz`: changed requests over real sockets, while good ones go on and must be right. */
import { setTimeout as sleep } from "node:timers/promises";
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
    if (options.replay === undefined) {
      return (await fuzz(serving, seeds, { ...options, others })) === 0 ? 0 : 1;
    }
    await replay(serving, options.replay);
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

async function fuzz(serving, seeds, { only, requests, seconds, seed, liveMs, all, others }) {
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
      try {
        tally.add(request.kind, await asker.ask(request));
        await expectQuiet(serving, request);
      } catch (error) {
        if (!all || !(error instanceof Finding) || !serving.isAlive()) throw error;
        tell(error);
      }
      others.delete(request);
    }
    asker.destroy();
  };
  const senders = (limit) => Array.from({ length: SENDERS }, () => send(limit));

  const told = new Set();
  const tell = (finding) => {
    const kind = `${finding.request.kind} ${finding.message.replace(/\d+/g, "n")} ${serving.failures[0]?.slice(0, 200).replace(/[\da-f-]{5,}/g, "n")}`;
    if (!told.has(kind)) {
      say(printFinding(finding, { seed, others: [], failures: serving.failures }));
    }
    told.add(kind);
    serving.failures.length = 0;
  };

  let sent = false;
  const canary = createCanaries(seeds);
  const goOn = async () => {
    const asker = new Asker(serving);
    while (!sent && !failed)
      tally.add("canary", await asker.ask(canary()).then((status) => status));
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
    const broken = settled
      .filter(({ status }) => status === "rejected")
      .map(({ reason }) => reason);
    const findings = broken.filter((error) => error instanceof Finding && error.request);
    const clear = findings.find(({ answer }) => answer !== undefined);
    if (broken.length > 0) throw clear ?? findings[0] ?? broken[0];
  };

  const life = watchLife(serving, liveMs, () => sent || failed);
  const canaries = Array.from({ length: CANARIES }, goOn);
  const changed = (async () => {
    await together([...senders(Math.ceil(requests * WARM_UP)), rough(20)]);
    const start = await lookInside(serving);
    await together([...senders(requests), rough(Math.min(200, Math.ceil(requests / 250)))]);
    sent = true;
    return start;
  })();
  await together([life, changed, ...canaries]);
  await expectQuiet(serving);
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
  const findings = told.size === 0 ? "no findings" : `${told.size} kinds of findings`;
  say(`${next} requests with seed ${seed} in ${took.toFixed(1)} s, ${findings}`);
  return told.size;
}

/** What the server logs as an error nobody may cause from outside. @throws Finding */
async function expectQuiet(serving, request) {
  if (serving.failures.length === 0 && serving.isAlive()) return;
  // Who has caused it is told by its answer, which may be on its way.
  await sleep(300);
  if (!serving.isAlive()) throw new Finding("The server has ended.", request);
  if (serving.failures.length > 0) throw new Finding("The server logged a failure.", request);
}

/** The request of a finding alone, behind those before it, and amid those that were under way. */
async function replay(serving, file) {
  const { message, request, before, others } = readFinding(file);
  say(`again: ${message}`);
  const inTurn = async (requests) => {
    const asker = new Asker(serving);
    const statuses = [];
    for (const one of requests) statuses.push(await asker.ask(one));
    asker.destroy();
    await expectQuiet(serving, request);
    return statuses;
  };
  say(`alone: ${(await inTurn([request])).join(", ")}`);
  say(`behind those before it: ${(await inTurn([...before, request])).join(", ")}`);
  for (let round = 0; round < 20; round++) {
    await Promise.all([...others.map((one) => inTurn([one])), inTurn([...before, request])]);
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
