import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { checkBundlePath } from "../bundle/bundle-path.js";
import { EkibenError } from "../core/errors.js";
import { canonicalJson, sha256, sha256File } from "../core/hash.js";
import type { Artifact, ArtifactSource } from "./artifact-source.js";
import { Transient, withRetries, type RetrySettings } from "./retry.js";

/** How far a download is. */
export interface DownloadProgress {
  /** The file that is being received, relative to the model. */
  readonly file: string;
  readonly receivedBytes: number;
  readonly totalBytes: number;
  readonly done: boolean;
}

export interface DownloadOptions {
  /** The folder of the cache. */
  cache: string;
  /** The most bytes of all files together. */
  maxBytes: number;
  retries: RetrySettings;
  onProgress(progress: DownloadProgress): void;
}

interface Kept {
  path: string;
  size: number;
  sha256: string;
}

const ASIDE = ".downloading-";
const LIST = "files.json";
const DAY = 24 * 3_600_000;

/**
 * The files in a folder of the cache: those that are there already, or fetched now. The folder is
 * named after where they come from, what the `MLmodel` says and what is beside it, so another model
 * logged to the same place is another folder; the hashes of all files are checked on each use.
 * @returns the folder with the files.
 * @throws REGISTRY_UNREACHABLE when a file does not come as it is listed.
 */
export async function downloadFiles(
  source: ArtifactSource,
  { mlmodel, files }: { mlmodel: string; files: readonly Artifact[] },
  options: DownloadOptions,
): Promise<string> {
  for (const { path } of files) checkBundlePath(path);
  const key = sha256(canonicalJson([source.where, sha256(mlmodel), files]));
  const target = join(options.cache, key.slice(0, 32));
  if (await isWhole(target)) return join(target, "model");
  const totalBytes = files.reduce((sum, { size = 0 }) => sum + size, 0);
  if (totalBytes > options.maxBytes) throw tooLarge(totalBytes, options.maxBytes);

  const aside = join(options.cache, `${ASIDE}${process.pid}-${randomUUID().slice(0, 8)}`);
  try {
    await removeLeftovers(options.cache);
    await mkdir(join(aside, "model"), { recursive: true });
    const kept: Kept[] = [];
    let before = 0;
    for (const file of files) {
      const one = await withRetries(options.retries, () =>
        receive(source, file, join(aside, "model", ...file.path.split("/")), {
          maxBytes: options.maxBytes - before,
          onBytes: (received) =>
            options.onProgress({
              file: file.path,
              receivedBytes: before + received,
              totalBytes,
              done: false,
            }),
        }),
      );
      before += one.size;
      kept.push(one);
    }
    await writeFile(join(aside, LIST), JSON.stringify(kept));
    await publish(aside, target);
    const last = files.at(-1)?.path ?? "";
    options.onProgress({ file: last, receivedBytes: before, totalBytes: before, done: true });
    return join(target, "model");
  } catch (error) {
    throw explain(error, options.cache);
  } finally {
    await rm(aside, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  }
}

interface ReceiveOptions {
  maxBytes: number;
  onBytes(received: number): void;
}

async function receive(
  source: ArtifactSource,
  { path, size: listed }: Artifact,
  target: string,
  { maxBytes, onBytes }: ReceiveOptions,
): Promise<Kept> {
  const began = performance.now();
  const hash = createHash("sha256");
  let size = 0;
  await mkdir(dirname(target), { recursive: true });
  const out = await open(target, "w");
  let body: Readable | undefined;
  try {
    body = await source.open(path);
    for await (const chunk of chunksOf(body, path)) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge(size, maxBytes);
      if (listed !== undefined && size > listed) throw grew(path, listed);
      hash.update(chunk);
      await out.appendFile(chunk);
      onBytes(size);
    }
  } catch (error) {
    throw error instanceof BrokenOff ? brokenOff(error, { path, listed, size, began }) : error;
  } finally {
    body?.destroy();
    await out.close();
  }
  if (listed !== undefined && size !== listed) {
    throw brokenOff(new BrokenOff("the file ended"), { path, listed, size, began });
  }
  return { path, size, sha256: hash.digest("hex") };
}

class BrokenOff extends Error {}

/** What fails in the loop is the disk; what fails in the body is the network. */
async function* chunksOf(body: Readable, path: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body) yield chunk as Buffer;
  } catch (cause) {
    throw new BrokenOff(`${path}: ${(cause as Error).message}`, { cause });
  }
}

interface Broken {
  path: string;
  listed: number | undefined;
  size: number;
  began: number;
}

function brokenOff(cause: BrokenOff, { path, listed, size, began }: Broken): Transient {
  const seconds = (performance.now() - began) / 1000;
  return new Transient(
    new EkibenError("REGISTRY_UNREACHABLE", {
      detail: `The file ${path} of the model broke off after ${size}${listed === undefined ? "" : ` of ${listed}`} bytes and ${seconds.toFixed(1)} s.`,
      hint:
        seconds > 25
          ? 'Servers of MLflow 2 cut downloads after 30 s: start it with --gunicorn-opts "--timeout 600".'
          : "Try again; look at the log of the server if it lasts.",
      ...(listed === undefined ? {} : { expected: listed, received: size }),
      cause,
    }),
  );
}

function grew(path: string, listed: number): EkibenError {
  return new EkibenError("REGISTRY_UNREACHABLE", {
    detail: `The file ${path} of the model has more than the ${listed} bytes that the server lists.`,
    hint: "It may be written at this moment, or a proxy has answered in its place: try again.",
    expected: listed,
  });
}

function tooLarge(size: number, most: number): EkibenError {
  return new EkibenError("MODEL_FILE_INVALID", {
    detail: `The files of the model have more than ${most} bytes together.`,
    hint: "Give a larger `maxBytes` to mlflow() if that is right.",
    expected: most,
    received: size,
  });
}

/** Whether a folder of the cache is there and holds what was put in it. */
async function isWhole(target: string): Promise<boolean> {
  try {
    const kept = JSON.parse(await readFile(join(target, LIST), "utf8")) as Kept[];
    for (const { path, sha256: expected } of kept) {
      const found = await sha256File(join(target, "model", ...path.split("/")));
      if (found !== expected) return false;
    }
    return true;
  } catch {
    return false;
  }
}

async function publish(aside: string, target: string): Promise<void> {
  try {
    await rename(aside, target);
  } catch (error) {
    // Another process was first, or what is there is damaged.
    if (await isWhole(target)) return;
    const old = `${aside}-old`;
    await rename(target, old).catch(() => {
      throw error;
    });
    await rename(aside, target);
    await rm(old, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** What processes that were killed left a day ago. */
async function removeLeftovers(cache: string): Promise<void> {
  for (const name of await readdir(cache).catch(() => [])) {
    if (!name.startsWith(ASIDE)) continue;
    const folder = join(cache, name);
    const touched = await stat(folder).catch(() => undefined);
    if (touched === undefined || Date.now() - touched.mtimeMs < DAY) continue;
    await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

function explain(error: unknown, cache: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof EkibenError || code === undefined) return error;
  return new EkibenError("MODEL_FILE_INVALID", {
    detail: `The model cannot be kept in ${cache}: ${code === "ENOSPC" ? "the disk is full" : message}.`,
    hint: "Free some space, or set EKIBEN_HOME to a folder that can be written.",
    cause: error,
  });
}
