import type { LineTarget } from "./line-queue.js";
import type { LogStream } from "./line-sink.js";
import { tidyRotated, toActivePath, toRotatedPath, type Retention } from "./rotated-files.js";

/** What a file target needs of the file system. */
export interface LogFiles {
  open(path: string): Promise<LogFile>;
  rename(from: string, to: string): Promise<void>;
  exists(path: string): Promise<boolean>;
}

/** A file that is appended to. */
export interface LogFile {
  /** Its size and last change, where it lies, and whether its last line has an end. */
  look(): Promise<{ size: number; changed: number; inode: number; isWhole: boolean }>;
  write(bytes: Uint8Array, offset: number): Promise<number>;
  close(): Promise<void>;
}

export interface Rotation {
  /** A file that would grow beyond this is rotated. @default 104_857_600 (100 MiB) */
  maxBytes: number;
  /** Milliseconds of UTC: `86_400_000` rotates at midnight. @default no limit */
  everyMs: number;
}

export interface FileTargetOptions {
  directory: string;
  stream: LogStream;
  rotation: Rotation;
  retention: Retention;
  files: LogFiles;
  now(): number;
  /** What has nothing to do with writing has failed: renaming, deleting or packing. */
  onFault(error: unknown): void;
}

interface Open {
  readonly file: LogFile;
  size: number;
  /** The period of time that the file belongs to. */
  readonly period: number;
}

/** Appends to the active file of a stream, and rotates it between two lines. */
export function createFileTarget(options: FileTargetOptions): LineTarget {
  const { directory, stream, rotation, files, now } = options;
  const path = toActivePath(directory, stream);
  let current: Open | undefined;
  let tidying: Promise<void> = Promise.resolve();
  let looked = 0;

  const toPeriod = (time: number): number =>
    rotation.everyMs === Infinity ? 0 : Math.floor(time / rotation.everyMs);

  async function open(): Promise<Open> {
    const file = await files.open(path);
    const { size, changed, isWhole } = await file.look();
    // The process that wrote it was ended in the middle of a line. Cutting it off would make those
    // who follow the file read all of it again.
    const added = isWhole ? 0 : await file.write(Buffer.from("\n"), 0);
    looked = now();
    return { file, size: size + added, period: toPeriod(size === 0 ? now() : changed) };
  }

  async function rotate(): Promise<void> {
    await close();
    const time = now();
    try {
      let later = time;
      let to = toRotatedPath(directory, stream, later);
      while ((await files.exists(to)) || (await files.exists(`${to}.gz`))) {
        to = toRotatedPath(directory, stream, ++later);
      }
      await files.rename(path, to);
    } catch (error) {
      options.onFault(error);
    }
    current = await open();
    // One that could not be renamed goes on as that of today.
    current = { ...current, period: toPeriod(time) };
    tidy();
  }

  /** In the background: nobody's lines wait until old ones are packed. */
  function tidy(): void {
    tidying = tidying
      .then(() => tidyRotated(directory, stream, { ...options.retention, now: now() }))
      .catch(options.onFault);
  }

  /** Somebody may have moved or deleted the file; what is written to it then would be lost. */
  async function isThere({ file }: Open): Promise<boolean> {
    if (now() - looked < LOOK_EVERY_MS) return true;
    looked = now();
    if (!(await files.exists(path))) return false;
    const there = await files.open(path);
    try {
      return (await there.look()).inode === (await file.look()).inode;
    } finally {
      await there.close();
    }
  }

  async function close(): Promise<void> {
    const open = current;
    current = undefined;
    await open?.file.close();
  }

  return {
    room: () => Math.max(1, rotation.maxBytes - current!.size),
    async prepare(bytes) {
      if (current !== undefined && !(await isThere(current))) await close();
      if (current === undefined) {
        current = await open();
        tidy();
      }
      const { size, period } = current;
      if (size === 0) return;
      if (size + bytes > rotation.maxBytes || toPeriod(now()) !== period) await rotate();
    },
    async append(bytes, offset) {
      const written = await current!.file.write(bytes, offset);
      current!.size += written;
      return written;
    },
    async close() {
      await close();
      await tidying;
    },
  };
}

const LOOK_EVERY_MS = 2_000;
