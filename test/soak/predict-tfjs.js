/** `node --expose-gc predict-tfjs.js <predictions> <seconds>`, with a parent that listens. */
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { createDenseLayers } from "../bench/dense-network.js";
import { createRandom, gauss } from "../bench/random.js";
import { writeTfjsNetwork } from "../bench/tfjs-model.js";
import { findGrowth, printMemory, readMemory } from "./memory.js";

/** The part after which memory is taken as what the model needs. */
const WARM_UP = 0.1;
const WIDTHS = [16, 32, 4];
/** Rows of the predictions, in turn: a leak by shape would show. */
const ROWS = [1, 1, 1, 7, 1, 32, 1, 2];
/** Every so many predictions one is asked that must fail. */
const WRONG = 97;
/** How often the model is released on the way, and its folder loaded once more. */
const RELOADS = 20;

const say = (text) => process.send({ say: text });

/** @returns {Promise<string[]>} the findings */
async function predict(folder, count, seconds) {
  const random = createRandom(3);
  await writeTfjsNetwork(folder, {
    layers: createDenseLayers({ widths: WIDTHS, random }),
    last: "softmax",
  });
  const tf = createRequire(import.meta.url)("@tensorflow/tfjs");
  const { tfjs } = await import("../../dist/sdk/index.js");
  // With its folder, as a bundle loads it.
  const load = () => tfjs(folder).load({ name: "net", directory: folder });
  let model = await load();
  say(`backend ${model.describe().backend}`);
  const inputs = ROWS.map((rows) => ({
    data: Float32Array.from({ length: rows * WIDTHS[0] }, () => gauss(random)),
    dims: [rows, WIDTHS[0]],
  }));
  const expected = [];
  for (const input of inputs) expected.push(Array.from(await model.predict(input)));

  const findings = new Set();
  const began = performance.now();
  const spent = () => (performance.now() - began) / 1000 / seconds;
  const reload = Math.ceil(count / RELOADS);
  let before;
  let done = 0;
  for (; done < count && spent() < 1; done++) {
    if (before === undefined && (done >= WARM_UP * count || spent() >= WARM_UP)) {
      before = await look(tf);
      say(print(done, before));
    }
    if (done % reload === reload - 1) {
      await model.release();
      model = await load();
      if (done % (5 * reload) === 5 * reload - 1) say(print(done, await look(tf)));
    }
    if (done % WRONG === 0) {
      const refused = await model.predict({ data: new Float32Array(3), dims: [1, 3] }).then(
        () => false,
        (error) => error.code === "MODEL_INPUT_INVALID",
      );
      if (!refused) findings.add("an input that does not fit was not refused");
    }
    const which = done % ROWS.length;
    const answer = await model.predict(inputs[which]);
    if (answer.length !== expected[which].length || answer[0] !== expected[which][0]) {
      findings.add(`prediction ${done} answered ${answer[0]}, not ${expected[which][0]}`);
    }
    // Signals and timers get their turn, as they do in a server.
    if (done % 1000 === 0) await setImmediate();
  }
  const after = await look(tf);
  say(print(done, after));
  for (const finding of findGrowth(before ?? after, after)) findings.add(finding);
  await model.release();
  const left = tf.memory().numTensors;
  if (left !== 0) findings.add(`${left} tensors are left once the model is released`);
  return [...findings];
}

async function look(tf) {
  const { numTensors, numBytes } = tf.memory();
  return { tensors: numTensors, bytes: numBytes, ...(await readMemory()) };
}

function print(done, memory) {
  return `${done} predictions: ${memory.tensors} tensors of ${memory.bytes} bytes, ${printMemory(memory)}`;
}

const folder = await mkdtemp(join(tmpdir(), "ekiben-soak-"));
try {
  const [count, seconds] = process.argv.slice(2).map(Number);
  const findings = await predict(folder, count, seconds);
  process.send({ findings });
} finally {
  await rm(folder, { recursive: true, force: true });
  process.disconnect();
}
