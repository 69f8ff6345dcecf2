import { createReadStream, createWriteStream } from "node:fs";
import { readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { LogStream } from "./line-sink.js";

/** What is kept of the files that are no longer written to, of each stream. */
export interface Retention {
  /** @default 10 */
  maxFiles: number;
  /** @default no limit */
  maxAgeMs: number;
  /** Bytes of all of them together. @default no limit */
  maxTotalBytes: number;
  /** Packs a file when the next one is rotated, so that its readers have had their time. */
  gzip: boolean;
}

/** A file of a stream that is no longer written to. */
export interface RotatedFile {
  readonly path: string;
  /** When it was rotated. */
  readonly time: number;
  readonly packed: boolean;
}

const ROTATED = /^([a-z]+)-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z\.log(\.gz)?$/;

export function toActivePath(directory: string, stream: LogStream): string {
  return join(directory, `${stream}.log`);
}

/** The path that a file gets when it is rotated. It tells the time, so it never changes again. */
export function toRotatedPath(directory: string, stream: LogStream, time: number): string {
  const stamp = new Date(time).toISOString().replace(/[-:.]/g, "");
  return join(directory, `${stream}-${stamp}.log`);
}

/** The rotated files of a stream, the oldest first. */
export async function findRotated(directory: string, stream: LogStream): Promise<RotatedFile[]> {
  const found: RotatedFile[] = [];
  for (const name of await readdir(directory)) {
    const parts = ROTATED.exec(name);
    if (parts === null || parts[1] !== stream) continue;
    const [, , year, month, day, hour, minute, second, ms, gz] = parts;
    const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
    if (Number.isNaN(time)) continue;
    found.push({ path: join(directory, name), time, packed: gz !== undefined });
  }
  return found.sort((a, b) => a.time - b.time);
}

/** Deletes the rotated files that are too many, too old or too large, and packs what may be packed. */
export async function tidyRotated(
  directory: string,
  stream: LogStream,
  { now, ...keep }: Retention & { now: number },
): Promise<void> {
  const kept: RotatedFile[] = [];
  let bytes = 0;
  let full = false;
  const files = await findRotated(directory, stream);
  for (const file of files.toReversed()) {
    const { size } = await stat(file.path);
    bytes += size;
    // What is older than a file that has no room has none either.
    full ||= kept.length >= keep.maxFiles || bytes > keep.maxTotalBytes;
    if (full || now - file.time > keep.maxAgeMs) await rm(file.path, { force: true });
    else kept.push(file);
  }
  if (!keep.gzip) return;
  for (const { path, packed } of kept.slice(1)) if (!packed) await pack(path);
}

async function pack(path: string): Promise<void> {
  const { atime, mtime } = await stat(path);
  const unfinished = `${path}.gz.part`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(unfinished));
  await utimes(unfinished, atime, mtime);
  await rename(unfinished, `${path}.gz`);
  await rm(path, { force: true });
}
