import { spawn } from "node:child_process";
import { once } from "node:events";
import { PassThrough, type Readable } from "node:stream";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createFileWriter } from "../../sdk/observability/lines/file-writer.js";
import { CANCEL, createLinePipe, readLinePipe } from "../../sdk/observability/lines/line-pipe.js";
import { LOG_STREAMS, type LineSink } from "../../sdk/observability/lines/line-sink.js";
import { makeFolder } from "../bundle/temporary-folder.js";
import { toChildScript } from "../child-script.js";
import { listLogs, readLogs } from "./log-folder.js";

function memorySink(): LineSink & { readonly lines: [string, string][] } {
  const lines: [string, string][] = [];
  return {
    lines,
    write: (stream, line) => void lines.push([stream, Buffer.from(line).toString()]),
    dropped: () => [],
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

test("lines arrive as they were sent, in whatever pieces the pipe gives them", async () => {
  const line = fc.tuple(
    fc.constantFrom(...LOG_STREAMS),
    fc.string({ unit: "grapheme", maxLength: 40 }).map((text) => JSON.stringify({ text })),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 30 }),
      fc.integer({ min: 1, max: 17 }),
      async (lines, size) => {
        const pipe = new PassThrough();
        const sent: Buffer[] = [];
        pipe.on("data", (chunk: Buffer) => sent.push(chunk));
        const sender = createLinePipe(pipe);
        for (const [stream, text] of lines) sender.write(stream, text);
        await sender.close();
        const bytes = Buffer.concat(sent);
        const pieces = new PassThrough();
        const sink = memorySink();
        const read = readLinePipe(pieces, sink);
        for (let at = 0; at < bytes.length; at += size) pieces.write(bytes.subarray(at, at + size));
        pieces.end();
        expect(await read).toEqual({ cutOff: false });
        expect(sink.lines).toEqual(lines);
      },
    ),
  );
});

test("what a reader does not take in time is counted, and so is what comes after it has gone", async () => {
  const pipe = new PassThrough({ highWaterMark: 1 });
  const sender = createLinePipe(pipe, { maxBufferBytes: 1000 });
  for (let i = 0; i < 200; i++) sender.write("prediction", "x".repeat(99));
  expect(sender.dropped()).toEqual([{ stream: "prediction", reason: "buffer-full", count: 191 }]);
  pipe.destroy();
  await once(pipe, "close");
  sender.write("access", "nobody reads");
  expect(sender.dropped()).toContainEqual({ stream: "access", reason: "reader-gone", count: 1 });
  await sender.close();
});

test("what a writer has left of a line is none when the next one says so", async () => {
  const pipe = new PassThrough();
  const sink = memorySink();
  const read = readLinePipe(pipe, sink);
  pipe.write(`P{"whole":1}\nP{"half":A${CANCEL}\n`);
  pipe.write('P{"next":1}\n');
  pipe.end();
  await read;
  expect(sink.lines).toEqual([
    ["prediction", '{"whole":1}'],
    ["prediction", '{"next":1}'],
  ]);
});

const WORKER = `
import { Socket } from "node:net";
import { createLinePipe } from "./sdk/observability/lines/line-pipe.js";
const [name, count] = process.argv.slice(1);
const sink = createLinePipe(new Socket({ fd: 3 }));
for (let i = 0; i < Number(count); i++) {
  sink.write("prediction", JSON.stringify({ worker: name, i, filling: "é".repeat(i % 300) }));
  if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
}
await sink.flush();
process.stdout.write("written");
if (name === "ends") await sink.close();
else for (let i = 0; ; i++) {
  sink.write("access", JSON.stringify({ i, filling: "x".repeat(5000) }));
  await new Promise((resolve) => setImmediate(resolve));
}
`;

test("the lines of two processes go through one writer over rotations, also when one is killed", async () => {
  await using folder = await makeFolder();
  const sink = await createFileWriter({
    directory: folder.path,
    rotation: { maxBytes: 20_000 },
    retention: { maxFiles: 10_000 },
    gatherMs: 1,
  });
  const script = await toChildScript(WORKER);
  const start = (name: string) => {
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script, name, "2000"], {
      stdio: ["ignore", "pipe", "inherit", "pipe"],
    });
    return { child, read: readLinePipe(child.stdio[3] as Readable, sink) };
  };
  const ends = start("ends");
  const killed = start("killed");
  await once(killed.child.stdout!, "data");
  // It writes as fast as it can, and is ended in the middle of it.
  await new Promise((resolve) => setTimeout(resolve, 50));
  killed.child.kill("SIGKILL");
  await killed.read;
  expect(await ends.read).toEqual({ cutOff: false });
  await sink.close();

  const lines = (await readLogs(folder.path, "prediction")).map((line) => JSON.parse(line));
  for (const worker of ["ends", "killed"]) {
    const numbers = lines.filter((line) => line.worker === worker).map(({ i }) => i as number);
    expect(numbers).toEqual(Array.from({ length: 2000 }, (_, i) => i));
  }
  const access = (await readLogs(folder.path, "access")).map((line) => JSON.parse(line).i);
  expect(access).toEqual(access.map((_, i) => i));
  expect((await listLogs(folder.path, "prediction")).length).toBeGreaterThan(20);
  expect(sink.dropped()).toEqual([]);
});
