import { readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { LogFile, LogFiles } from "../../sdk/observability/lines/file-target.js";
import { createFileWriter } from "../../sdk/observability/lines/file-writer.js";
import { logFiles } from "../../sdk/observability/lines/log-files.js";
import { makeFolder } from "../bundle/temporary-folder.js";
import { eventually, listLogs, readLogs } from "./log-folder.js";

const HOUR = 3_600_000;

test("each stream has its own file, and lines keep their order", async () => {
  await using folder = await makeFolder();
  const directory = join(folder.path, "made", "on the way");
  const sink = await createFileWriter({ directory });
  for (let i = 0; i < 1000; i++) {
    sink.write("prediction", `p${i} é`);
    sink.write("access", `a${i}`);
  }
  await sink.flush();
  const numbers = Array.from({ length: 1000 }, (_, i) => i);
  expect(await readLogs(directory, "prediction")).toEqual(numbers.map((i) => `p${i} é`));
  expect(await readLogs(directory, "access")).toEqual(numbers.map((i) => `a${i}`));
  expect(await listLogs(directory, "feedback")).toEqual([]);
  await sink.close();
  expect(sink.dropped()).toEqual([]);
});

test("files are rotated by size between two lines, whatever the lines and limits", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.string({ unit: "grapheme", maxLength: 60 }).filter((s) => !/[\n\r]/.test(s)),
        {
          minLength: 1,
          maxLength: 60,
        },
      ),
      fc.integer({ min: 1, max: 400 }),
      async (lines, maxBytes) => {
        await using folder = await makeFolder();
        const sink = await createFileWriter({
          directory: folder.path,
          rotation: { maxBytes },
          retention: { maxFiles: 1000 },
          gatherMs: 0,
        });
        for (const [at, line] of lines.entries()) {
          sink.write("prediction", line);
          if (at % 7 === 0) await sink.flush();
        }
        await sink.close();
        expect(await readLogs(folder.path, "prediction")).toEqual(lines);
        for (const name of await listLogs(folder.path, "prediction")) {
          const bytes = await readFile(join(folder.path, name));
          const one = bytes.indexOf(10) === bytes.length - 1;
          expect(bytes.length <= maxBytes || one).toBe(true);
        }
      },
    ),
    { numRuns: 40 },
  );
});

test("files are rotated by time, also one that was written before the start", async () => {
  await using folder = await makeFolder();
  let now = Date.UTC(2030, 0, 1, 10, 30);
  const files = datedFiles(() => now);
  const open = () =>
    createFileWriter({
      directory: folder.path,
      rotation: { everyMs: HOUR },
      gatherMs: 0,
      now: () => now,
      files,
    });
  const sink = await open();
  sink.write("access", "at 10:30");
  await sink.flush();
  now += HOUR / 4;
  sink.write("access", "at 10:45");
  await sink.flush();
  now += HOUR / 2;
  sink.write("access", "at 11:15");
  await sink.close();
  expect(await listLogs(folder.path, "access")).toEqual([
    "access-20300101T111500000Z.log",
    "access.log",
  ]);
  now += 2 * HOUR;
  const next = await open();
  next.write("access", "at 13:15");
  await next.close();
  expect(await listLogs(folder.path, "access")).toEqual([
    "access-20300101T111500000Z.log",
    "access-20300101T131500000Z.log",
    "access.log",
  ]);
  expect(await readFile(join(folder.path, "access.log"), "utf8")).toBe("at 13:15\n");
});

test("old files go by count, by age and by the size of all", async () => {
  for (const [retention, kept] of [
    [{ maxFiles: 3 }, 3],
    [{ maxAgeMs: 5 * HOUR }, 6],
    [{ maxTotalBytes: 45 }, 4],
  ] as const) {
    await using folder = await makeFolder({ "prediction-other.log": "not ours" });
    let now = Date.UTC(2030, 0, 1);
    const sink = await createFileWriter({
      directory: folder.path,
      rotation: { maxBytes: 10 },
      retention: { maxFiles: 100, ...retention },
      gatherMs: 0,
      now: () => now,
    });
    for (let i = 0; i < 10; i++) {
      sink.write("prediction", `line ${i} ..`);
      await sink.flush();
      now += HOUR;
    }
    await sink.close();
    const names = await listLogs(folder.path, "prediction");
    expect(names.filter((name) => name.startsWith("prediction-2"))).toHaveLength(kept);
    expect(names).toContain("prediction-other.log");
    expect(names).toContain("prediction.log");
  }
});

test("files are packed one rotation later, so that who follows them has read them", async () => {
  await using folder = await makeFolder();
  const sink = await createFileWriter({
    directory: folder.path,
    rotation: { maxBytes: 20 },
    retention: { gzip: true },
    gatherMs: 0,
  });
  const lines = Array.from({ length: 5 }, (_, i) => `line ${i} of nineteen`);
  for (const line of lines) {
    sink.write("prediction", line);
    await sink.flush();
  }
  await sink.close();
  const names = await listLogs(folder.path, "prediction");
  expect(names.map((name) => name.replace(/.*?(\.log.*)/, "$1"))).toEqual([
    ".log.gz",
    ".log.gz",
    ".log.gz",
    ".log",
    ".log",
  ]);
  expect(await readLogs(folder.path, "prediction")).toEqual(lines);
});

test("a line that a killed process left without its end does not spoil the next", async () => {
  await using folder = await makeFolder({ "prediction.log": '{"a":1}\n{"b":' });
  const sink = await createFileWriter({ directory: folder.path });
  sink.write("prediction", '{"c":3}');
  await sink.close();
  expect(await readLogs(folder.path, "prediction")).toEqual(['{"a":1}', '{"b":', '{"c":3}']);
});

test.skipIf(process.platform === "win32")(
  "a file that somebody moved or deleted is opened anew",
  async () => {
    await using folder = await makeFolder();
    let now = Date.now();
    const sink = await createFileWriter({ directory: folder.path, gatherMs: 0, now: () => now });
    const write = async (line: string) => {
      sink.write("access", line);
      await sink.flush();
      now += 10_000;
    };
    await write("one");
    await rename(join(folder.path, "access.log"), join(folder.path, "moved"));
    await write("two");
    await rm(join(folder.path, "access.log"));
    await write("three");
    await sink.close();
    expect(await readFile(join(folder.path, "moved"), "utf8")).toBe("one\n");
    expect(await readFile(join(folder.path, "access.log"), "utf8")).toBe("three\n");
  },
);

test("a full disk: lines wait, what finds no room is counted, and writing goes on by itself", async () => {
  await using folder = await makeFolder();
  const disk = { free: 25 };
  const troubles: (string | undefined)[] = [];
  const sink = await createFileWriter({
    directory: folder.path,
    files: smallDisk(disk),
    maxBufferBytes: 100,
    gatherMs: 0,
    retryMs: 5,
    onTrouble: (stream, error) => {
      troubles.push(error === undefined ? undefined : `${stream} ${(error as any).code}`);
    },
  });
  const lines = Array.from({ length: 40 }, (_, i) => `line ${String(i).padStart(4, "0")}`);
  // 10 bytes each: two lines and a half fit on the disk.
  for (const line of lines.slice(0, 3)) {
    sink.write("prediction", line);
    await sink.flush();
  }
  await eventually(() => troubles.length > 0);
  expect(troubles[0]).toBe("prediction ENOSPC");
  expect(await readFile(join(folder.path, "prediction.log"), "utf8")).toBe(
    "line 0000\nline 0001\nline ",
  );
  for (const line of lines.slice(3)) sink.write("prediction", line);
  // The half line holds its ten bytes, and ninety are left.
  expect(sink.dropped()).toEqual([{ stream: "prediction", reason: "disk-full", count: 28 }]);
  disk.free = Infinity;
  await eventually(() => troubles.at(-1) === undefined);
  await sink.flush();
  sink.write("prediction", "after");
  await sink.close();
  expect(await readLogs(folder.path, "prediction")).toEqual([...lines.slice(0, 12), "after"]);
});

test("who closes on a full disk does not wait, and knows what was lost", async () => {
  await using folder = await makeFolder();
  const sink = await createFileWriter({
    directory: folder.path,
    files: smallDisk({ free: 15 }),
    gatherMs: 0,
    retryMs: 60_000,
  });
  for (let i = 0; i < 5; i++) sink.write("feedback", `line ${i} ..`);
  await sink.flush();
  await sink.close();
  sink.write("feedback", "too late");
  expect(sink.dropped()).toEqual([
    { stream: "feedback", reason: "disk-full", count: 4 },
    { stream: "feedback", reason: "closed", count: 1 },
  ]);
});

test("more than the buffer holds is counted, and what was taken is written", async () => {
  await using folder = await makeFolder();
  const sink = await createFileWriter({ directory: folder.path, maxBufferBytes: 1000 });
  for (let i = 0; i < 300; i++) sink.write("prediction", "x".repeat(9));
  await sink.close();
  const [dropped] = sink.dropped();
  expect(dropped).toEqual({ stream: "prediction", reason: "buffer-full", count: 200 });
  expect(await readLogs(folder.path, "prediction")).toHaveLength(100);
});

test("a folder that cannot be made is told by its name", async () => {
  await using folder = await makeFolder({ file: "" });
  const directory = join(folder.path, "file", "logs");
  await expect(createFileWriter({ directory })).rejects.toMatchObject({
    code: "SETTING_INVALID",
    message: expect.stringContaining(directory),
  });
});

test("a rename that fails is told, and the lines go on into the same file", async () => {
  await using folder = await makeFolder();
  const faults: unknown[] = [];
  const sink = await createFileWriter({
    directory: folder.path,
    rotation: { maxBytes: 10 },
    gatherMs: 0,
    files: { ...logFiles, rename: () => Promise.reject(new Error("not permitted")) },
    onFault: (_stream, error) => void faults.push(error),
  });
  for (const line of ["first one", "second one", "third one"]) {
    sink.write("access", line);
    await sink.flush();
  }
  await sink.close();
  expect(faults).toHaveLength(2);
  expect(await readLogs(folder.path, "access")).toEqual(["first one", "second one", "third one"]);
  expect((await stat(join(folder.path, "access.log"))).size).toBeGreaterThan(10);
});

/** A disk with so many bytes free: a write takes what fits, as the system's does. */
function smallDisk(disk: { free: number }): LogFiles {
  return wrapFiles((file) => ({
    ...file,
    async write(bytes, offset) {
      const fits = Math.min(bytes.byteLength - offset, disk.free);
      if (fits === 0) throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
      disk.free -= fits;
      return await file.write(bytes.subarray(0, offset + fits), offset);
    },
  }));
}

/** Files whose last change is now by the clock of the test. */
function datedFiles(now: () => number): LogFiles {
  const changed = new Map<string, number>();
  return wrapFiles((file, path) => ({
    ...file,
    look: async () => ({ ...(await file.look()), changed: changed.get(path) ?? now() }),
    async write(bytes, offset) {
      changed.set(path, now());
      return await file.write(bytes, offset);
    },
  }));
}

function wrapFiles(wrap: (file: LogFile, path: string) => LogFile): LogFiles {
  return { ...logFiles, open: async (path) => wrap(await logFiles.open(path), path) };
}
