import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { EkibenError } from "../core/errors.js";
import type { LogStream } from "../observability/lines/line-sink.js";
import { findRotated } from "../observability/lines/rotated-files.js";

/** A line that is no JSON object: the process that wrote it was ended, or somebody edited the file. */
export interface DamagedLine {
  readonly file: string;
  /** Counts from 1. */
  readonly line: number;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** What was seen of a log while it was read. */
export interface ReadLog {
  readonly files: string[];
  lines: number;
  /** The first ones. */
  readonly damaged: DamagedLine[];
  damagedCount: number;
}

const MOST_DAMAGED = 20;

export function createReadLog(): ReadLog {
  return { files: [], lines: 0, damaged: [], damagedCount: 0 };
}

/**
 * The files of a log, the oldest first: for the active file or its folder those that were rotated
 * before, packed ones too; for any other file that one.
 * @throws COMMAND_INVALID when there is none
 */
export async function findLogFiles(path: string, stream: LogStream): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  const directory = found?.isDirectory() === true ? path : dirname(path);
  const active = join(directory, `${stream}.log`);
  const isActive = found?.isDirectory() === true || basename(path) === `${stream}.log`;
  if (!isActive && found !== undefined) return [path];
  const rotated = await findRotated(directory, stream).catch(() => []);
  const files = rotated.map((file) => file.path);
  if (await stat(active).catch(() => undefined)) files.push(active);
  if (isActive && files.length > 0) return files;
  throw new EkibenError("COMMAND_INVALID", {
    detail: `There is no ${stream} log at ${path}.`,
    hint: `Name the folder of --log-dir, the file ${stream}.log in it, or one of its rotated files.`,
    received: path,
  });
}

/** The lines of files as objects, in order; what is none is counted in `read`. */
export async function* readLogLines(
  files: readonly string[],
  read: ReadLog,
): AsyncGenerator<LogFields> {
  for (const file of files) {
    read.files.push(file);
    let number = 0;
    const damage = (): void => {
      read.damagedCount++;
      if (read.damaged.length < MOST_DAMAGED) read.damaged.push({ file, line: number });
    };
    try {
      for await (const line of openLines(file)) {
        number++;
        if (line === "") continue;
        read.lines++;
        const fields = parse(line);
        if (fields === undefined) damage();
        else yield fields;
      }
    } catch (error) {
      // A packed file that ends early: what was read of it counts.
      if (!file.endsWith(".gz")) throw error;
      number++;
      damage();
    }
  }
}

function openLines(file: string): AsyncIterable<string> {
  const bytes = createReadStream(file);
  if (!file.endsWith(".gz")) return createInterface({ input: bytes, crlfDelay: Infinity });
  const unpacked = createGunzip();
  bytes.on("error", (error) => unpacked.destroy(error));
  return splitLines(bytes.pipe(unpacked));
}

/** `readline` hides an error of its source; a damaged archive has to be told. */
async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}

function parse(line: string): LogFields | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
    return isObject ? (value as LogFields) : undefined;
  } catch {
    return undefined;
  }
}
