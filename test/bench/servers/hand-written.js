/**
 * What somebody who knows Node well would write by hand for one model: no framework, JSON.parse, a
 * check-and-fill function with every column spelled out, and the same batching as ekiben has: a
 * batch leaves as soon as nothing runs, and requests collect while one does.
 */
import { createServer } from "node:http";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { FEATURES } from "../features.js";

const [model, port] = process.argv.slice(2);
const MAX_BATCH = 1000;
const WIDTH = FEATURES.length;

const session = await InferenceSession.create(model, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
});

/** @type {(rows: object[], target: Float32Array) => boolean} */
const fill = new Function(
  "rows",
  "target",
  `let at = 0;
   for (const row of rows) {
     ${FEATURES.map((name) => `const ${name} = row.${name}; if (typeof ${name} !== "number") return false; target[at++] = ${name};`).join("\n")}
   }
   return true;`,
);

let queue = [];
let running = false;
let scheduled = false;

async function flush() {
  scheduled = false;
  running = true;
  while (queue.length > 0) {
    let count = 0;
    let rows = 0;
    while (count < queue.length && (count === 0 || rows + queue[count].rows <= MAX_BATCH)) {
      rows += queue[count++].rows;
    }
    const batch = count === queue.length ? queue : queue.slice(0, count);
    queue = count === queue.length ? [] : queue.slice(count);
    let data = batch[0].data;
    if (batch.length > 1) {
      data = new Float32Array(rows * WIDTH);
      let at = 0;
      for (const job of batch) {
        data.set(job.data, at);
        at += job.data.length;
      }
    }
    const { y } = await session.run({ x: new Tensor("float32", data, [rows, WIDTH]) });
    let start = 0;
    for (const { rows, response } of batch) {
      const outputs = [];
      for (let i = 0; i < rows; i++) outputs.push({ score: y.data[start + i] });
      start += rows;
      send(response, 200, JSON.stringify(outputs));
    }
  }
  running = false;
}

function send(response, status, json) {
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(json),
  });
  response.end(json);
}

function answer(body, response) {
  let rows;
  try {
    rows = JSON.parse(body);
  } catch {
    return send(response, 400, '{"error":"not JSON"}');
  }
  if (!Array.isArray(rows) || rows.length === 0) return send(response, 400, '{"error":"no rows"}');
  const data = new Float32Array(rows.length * WIDTH);
  if (!fill(rows, data)) return send(response, 422, '{"error":"no number"}');
  queue.push({ rows: rows.length, data, response });
  if (!running && !scheduled) {
    scheduled = true;
    setImmediate(flush);
  }
}

createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    answer(chunks.length === 1 ? chunks[0].toString() : Buffer.concat(chunks).toString(), response);
  });
}).listen(Number(port), "127.0.0.1");
