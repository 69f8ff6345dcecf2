import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import {
  createLineThread,
  type LineThreadOptions,
} from "../../sdk/observability/handover/line-thread.js";
import type { PrintPlan, ThreadData } from "../../sdk/observability/handover/messages.js";
import { readLinePipe } from "../../sdk/observability/lines/line-pipe.js";
import type { DroppedLines } from "../../sdk/observability/lines/line-sink.js";
import { silentLog, type Log } from "../../sdk/observability/log.js";
import { createRecordPrinter } from "../../sdk/observability/records/print-record.js";
import type { AccessFacts, PredictionFacts } from "../../sdk/observability/records/record.js";
import { createRedactor } from "../../sdk/observability/records/redact.js";
import { findEntry } from "../../sdk/server/find-entry.js";
import { THREAD_ENTRY } from "../../sdk/server/logs/server-lines.js";
import { makeFolder } from "../bundle/temporary-folder.js";
import { toChildScript } from "../child-script.js";
import { eventually, listLogs, readLogs } from "./log-folder.js";

const entry = findEntry(THREAD_ENTRY);
const print: PrintPlan = {
  service: "s",
  version: undefined,
  redact: [],
  headers: [],
  maxRecordBytes: 256 * 1024,
};

function filesIn(directory: string, changes: { maxBytes?: number; maxBufferBytes?: number } = {}) {
  return {
    kind: "files" as const,
    directory,
    rotation: { maxBytes: changes.maxBytes ?? 50_000_000, everyMs: Infinity },
    retention: { maxFiles: 10_000, maxAgeMs: Infinity, maxTotalBytes: Infinity, gzip: false },
    maxBufferBytes: changes.maxBufferBytes ?? 16 * 1024 * 1024,
  };
}

function open(options: Partial<LineThreadOptions> & Pick<LineThreadOptions, "target">) {
  const threads: Worker[] = [];
  const thread = createLineThread({
    print,
    entry,
    maxBufferBytes: 16 * 1024 * 1024,
    log: silentLog,
    now: () => 0,
    start(file, data: ThreadData) {
      const worker = new Worker(file, { workerData: data, execArgv: [] });
      threads.push(worker);
      return worker;
    },
    ...options,
  });
  return { thread, threads };
}

function prediction(at: number, size = at % 700): PredictionFacts {
  return {
    requestId: `r-${at}`,
    api: "a",
    method: "POST",
    route: "/a",
    target: "/a",
    status: 200,
    durationMs: at / 7,
    headers: { get: () => null },
    params: {},
    input: { bytes: Buffer.from(`"${"é".repeat(size)}"`), mediaType: "application/json" },
    output: { bytes: `[${at}]`, mediaType: "application/json" },
    rows: false,
    items: 1,
    runs: [],
  };
}

function access(at: number): AccessFacts {
  return {
    requestId: `r-${at}`,
    method: "POST",
    route: "/a",
    target: "/a",
    status: 200,
    durationMs: at,
    // Hardly any stream breaks.
    ...(at % 100 === 3 && { broke: "HANDLER_FAILED" }),
  };
}

const idsOf = (lines: readonly string[]): string[] =>
  lines.map((line) => JSON.parse(line)["http.request.id"] as string);
const idsTo = (count: number): string[] => Array.from({ length: count }, (_, at) => `r-${at}`);
const countOf = (dropped: readonly DroppedLines[], reason: string): number =>
  dropped.filter((lost) => lost.reason === reason).reduce((sum, { count }) => sum + count, 0);

/** A log that keeps the messages of its errors. */
function keepErrors(): { log: Log; errors: string[] } {
  const errors: string[] = [];
  return { log: { ...silentLog, error: (message: string) => void errors.push(message) }, errors };
}

test("a thread writes the lines that would be printed here, in order, over rotations, with those of other streams", async () => {
  await using folder = await makeFolder();
  const { thread, threads } = open({ target: filesIn(folder.path, { maxBytes: 200_000 }) });
  const printer = createRecordPrinter({ ...print, redactor: createRedactor([]), now: () => 0 });
  const expected = { prediction: [] as string[], access: [] as string[] };
  for (let at = 0; at < 3000; at++) {
    // A few are too large for being handed over.
    const facts = prediction(at, at % 500 === 7 ? 200_000 : undefined);
    thread.prediction(facts);
    thread.access(access(at));
    expected.prediction.push(Buffer.from(printer.prediction(facts)).toString());
    expected.access.push(printer.access(access(at)));
    if (at % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await thread.flush();
  expect(await readLogs(folder.path, "prediction")).toEqual(expected.prediction);
  expect(await readLogs(folder.path, "access")).toEqual(expected.access);
  expect((await listLogs(folder.path, "prediction")).length).toBeGreaterThan(5);
  thread.prediction(prediction(3000));
  await thread.close();
  expect(await readLogs(folder.path, "prediction")).toHaveLength(3001);
  thread.prediction(prediction(3001));
  expect(thread.dropped()).toEqual([{ stream: "prediction", reason: "closed", count: 1 }]);
  expect(threads).toHaveLength(1);
});

test("without a record there is no thread; the first ones are written without being asked for", async () => {
  await using folder = await makeFolder();
  const idle = open({ target: filesIn(folder.path) });
  await idle.thread.flush();
  await idle.thread.close();
  expect(idle.threads).toEqual([]);
  const { thread } = open({ target: filesIn(folder.path) });
  thread.prediction(prediction(1));
  await eventually(async () => (await readLogs(folder.path, "prediction")).length === 1);
  await thread.close();
});

test("a thread that ends is replaced: what it had is counted, and everything else is written once", async () => {
  await using folder = await makeFolder();
  const { log, errors } = keepErrors();
  const { thread, threads } = open({ target: filesIn(folder.path, { maxBytes: 300_000 }), log });
  let sent = 0;
  const send = async (count: number) => {
    for (let i = 0; i < count; i++) {
      thread.prediction(prediction(sent++));
      if (sent % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  for (let round = 1; round <= 3; round++) {
    await send(2000);
    await eventually(() => threads.length === round);
    await threads.at(-1)!.terminate();
    await send(500);
    await eventually(() => threads.length === round + 1);
  }
  await thread.close();
  const lines = await readLogs(folder.path, "prediction");
  const ids = lines.flatMap((line) => {
    try {
      return idsOf([line]);
    } catch {
      // The beginning of a line, in the middle of which its thread has ended.
      return [];
    }
  });
  expect(new Set(ids).size).toBe(ids.length);
  const lost = countOf(thread.dropped(), "thread-ended");
  // What the system has written for a thread that ended may be counted as lost.
  expect(ids.length).toBeLessThanOrEqual(sent);
  expect(ids.length + lost).toBeGreaterThanOrEqual(sent);
  expect(lost).toBeLessThan(sent);
  expect(countOf(thread.dropped(), "buffer-full")).toBe(0);
  expect(errors).toHaveLength(3);
});

test("records that wait for a thread that ended are written by the next one, also at the end", async () => {
  await using folder = await makeFolder();
  const { thread, threads } = open({ target: filesIn(folder.path) });
  thread.prediction(prediction(0));
  await thread.flush();
  const ended = once(threads[0]!, "exit");
  const terminated = threads[0]!.terminate();
  for (let at = 1; at < 100; at++) thread.prediction(prediction(at));
  await Promise.all([ended, terminated]);
  await thread.close();
  expect(idsOf(await readLogs(folder.path, "prediction"))).toEqual(idsTo(100));
  expect(thread.dropped()).toEqual([]);
  expect(threads).toHaveLength(2);
});

test("threads that cannot start hold nobody up: what they were to write is counted", async () => {
  await using folder = await makeFolder();
  const { log, errors } = keepErrors();
  const { thread } = open({
    target: filesIn(folder.path),
    log,
    start: () => new Worker("throw new Error('no thread today')", { eval: true, stderr: true }),
  });
  for (let at = 0; at < 10; at++) thread.prediction(prediction(at));
  await thread.close();
  expect(thread.dropped()).toEqual([{ stream: "prediction", reason: "thread-ended", count: 10 }]);
  expect(errors).toHaveLength(3);
});

test("what a thread does not take in time finds no room, and the request does not notice", async () => {
  await using folder = await makeFolder();
  const { thread, threads } = open({
    target: filesIn(folder.path),
    maxBufferBytes: 64 * 1024,
    start(file, data) {
      const worker = new Worker(
        `const { parentPort, workerData } = require("node:worker_threads");
         const { go, file } = workerData;
         Atomics.wait(go, 0, 0);
         import(file);`,
        { eval: true, workerData: { ...data, go, file: `file://${file}` }, execArgv: [] },
      );
      return worker;
    },
  });
  const go = new Int32Array(new SharedArrayBuffer(4));
  void threads;
  for (let at = 0; at < 500; at++) thread.prediction(prediction(at, 300));
  const lost = countOf(thread.dropped(), "buffer-full");
  expect(lost).toBeGreaterThan(300);
  Atomics.store(go, 0, 1);
  Atomics.notify(go, 0);
  await thread.close();
  expect(idsOf(await readLogs(folder.path, "prediction"))).toEqual(idsTo(500 - lost));
  expect(thread.dropped()).toEqual([{ stream: "prediction", reason: "buffer-full", count: lost }]);
});

test.skipIf(process.platform !== "linux")(
  "what a thread cannot write is counted by its reason, and told",
  async () => {
    await using folder = await makeFolder();
    const { symlink } = await import("node:fs/promises");
    await symlink("/dev/full", `${folder.path}/prediction.log`);
    const troubles: (string | undefined)[] = [];
    const { thread } = open({
      target: filesIn(folder.path, { maxBufferBytes: 60_000 }),
      onTrouble: (stream, error) => troubles.push(`${stream}: ${error?.message}`),
    });
    for (let at = 0; at < 100; at++) {
      thread.prediction(prediction(at, 300));
      thread.access(access(at));
    }
    await eventually(() => troubles.length > 0);
    for (let at = 100; at < 200; at++) thread.prediction(prediction(at, 300));
    await thread.close();
    expect(troubles[0]).toMatch(/^prediction: ENOSPC/);
    expect(countOf(thread.dropped(), "thread-ended")).toBe(0);
    expect(thread.dropped().reduce((sum, { count }) => sum + count, 0)).toBe(200);
    expect(countOf(thread.dropped(), "disk-full")).toBeGreaterThan(0);
    expect(idsOf(await readLogs(folder.path, "access"))).toEqual(idsTo(100));
  },
);

const CHILD = `
import { createLineThread } from "./sdk/observability/handover/line-thread.js";
import { Worker } from "node:worker_threads";
const [data] = process.argv.slice(1);
const { print, entry } = JSON.parse(data);
const log = { info() {}, warn() {}, debug() {}, error() {}, child: () => log };
const threads = [];
const thread = createLineThread({
  print, entry, log, maxBufferBytes: 16 * 1024 * 1024,
  target: { kind: "pipe", fd: 3, maxBufferBytes: 16 * 1024 * 1024 },
  start(file, workerData) {
    threads.push(new Worker(file, { workerData, execArgv: [] }));
    return threads.at(-1);
  },
});
for (let at = 0; at < 6000; at++) {
  thread.prediction({
    requestId: "r-" + at, api: "a", method: "POST", route: "/a", target: "/a", status: 200,
    durationMs: 1, headers: { get: () => null }, params: {}, rows: false, runs: [],
    input: { bytes: Buffer.from("é".repeat(at % 1000)), mediaType: "text/plain" },
    output: { bytes: "[]", mediaType: "application/json" },
  });
  if (at % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  if (at % 2000 === 1999) await threads.at(-1).terminate();
}
await thread.close();
process.stdout.write(JSON.stringify(thread.dropped()));
`;

test("a thread that ends in the middle of a line leaves none of it on its pipe", async () => {
  const script = await toChildScript(CHILD);
  const given = JSON.stringify({ print, entry });
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script, given], {
    stdio: ["ignore", "pipe", "inherit", "pipe"],
  });
  const lines: string[] = [];
  const pipe = child.stdio[3] as Readable;
  const read = readLinePipe(pipe, {
    write: (stream, line) => void lines.push(Buffer.from(line as Uint8Array).toString()),
    dropped: () => [],
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  });
  // Who reads slowly lets a write stop half-way.
  const slow = setInterval(() => {
    pipe.pause();
    setTimeout(() => pipe.resume(), 5);
  }, 10);
  let told = "";
  child.stdout!.on("data", (chunk: Buffer) => (told += chunk.toString()));
  const [code] = await once(child, "exit");
  await read;
  clearInterval(slow);
  expect(code).toBe(0);
  const ids = idsOf(lines);
  expect(new Set(ids).size).toBe(ids.length);
  const dropped = JSON.parse(told) as DroppedLines[];
  const lost = countOf(dropped, "thread-ended");
  expect(dropped.filter(({ reason }) => reason !== "thread-ended")).toEqual([]);
  expect(ids.length + lost).toBeGreaterThanOrEqual(6000);
  expect(ids.length).toBeLessThanOrEqual(6000);
  expect(lost).toBeLessThan(6000);
});
