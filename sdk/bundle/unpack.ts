import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { createGunzip } from "node:zlib";
import { extract, Parser, type ReadEntry } from "tar";
import { EkibenError } from "../core/errors.js";
import { findPathFault } from "./bundle-path.js";
import { openBundle, type Bundle } from "./load.js";

export interface UnpackLimits {
  /** @default 20_000 */
  maxEntries?: number;
  /** Bytes of all files together, unpacked. @default 34_359_738_368 */
  maxBytes?: number;
}

const KINDS: ReadonlySet<string> = new Set(["File", "OldFile", "Directory"]);

/**
 * Unpacks an archive into a folder that does not exist yet, and opens it. The whole archive is
 * looked through before the first file is written.
 * @throws BUNDLE_NOT_FOUND; BUNDLE_EXISTS; BUNDLE_CORRUPT when the archive is cut short, is none,
 * or has a link, a device, an unsafe path, or more than the limits.
 */
export async function unpackBundle(
  file: string,
  directory: string,
  limits: UnpackLimits = {},
): Promise<Bundle> {
  const archive = resolve(file);
  const target = resolve(directory);
  await inspect(archive, limits);
  const aside = join(dirname(target), `.unpacking-${process.pid}-${randomUUID().slice(0, 8)}`);
  await mkdir(aside, { recursive: true });
  try {
    await extract({
      file: archive,
      cwd: aside,
      strip: 1,
      strict: true,
      preserveOwner: false,
      noMtime: true,
      noChmod: true,
    });
    await openBundle(aside);
    await rename(aside, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST" || code === "ENOTDIR") {
      throw new EkibenError("BUNDLE_EXISTS", {
        detail: `There is something at ${target} already.`,
        hint: "Remove it, or name another folder.",
        cause: error,
      });
    }
    throw error;
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return openBundle(target);
}

async function inspect(archive: string, limits: UnpackLimits): Promise<void> {
  const { maxEntries = 20_000, maxBytes = 32 * 1024 ** 3 } = limits;
  const folders = new Set<string>();
  const seen = new Set<string>();
  let fault: string | undefined;
  let bytes = 0;

  const judge = (entry: ReadEntry): string | undefined => {
    const path = entry.path.replace(/\/$/, "");
    if (!KINDS.has(entry.type)) return `${entry.path} is a ${entry.type}, not a file`;
    const unsafe = findPathFault(path);
    if (unsafe !== undefined)
      return `the path ${JSON.stringify(entry.path)} is not safe: ${unsafe}`;
    folders.add(path.split("/")[0]!);
    if (folders.size > 1) return `it has more than one folder: ${[...folders].join(", ")}`;
    if (entry.type === "Directory") return undefined;
    if (seen.has(path.toLowerCase())) return `it has ${path} twice`;
    seen.add(path.toLowerCase());
    if (!path.includes("/")) return `${path} lies outside of a folder`;
    if (seen.size > maxEntries) return `it has more than ${maxEntries} files`;
    bytes += entry.size;
    if (bytes > maxBytes) return `it unpacks to more than ${maxBytes} bytes`;
    return undefined;
  };

  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      fault ??= judge(entry);
      entry.resume();
    },
  });
  const input = createReadStream(archive);
  const unpacked = createGunzip();
  input.on("error", (error) => unpacked.destroy(error)).pipe(unpacked);
  try {
    const ended = new Promise<void>((settle, fail) => {
      parser.on("end", settle);
      parser.on("error", fail);
    });
    // Awaited below; until then a failure must not count as unhandled.
    ended.catch(() => {});
    let total = 0;
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      total += chunk.byteLength;
      // Headers and padding count too, or an archive of empty entries would never end.
      if (total > maxBytes + maxEntries * 4096)
        fault ??= `it unpacks to more than ${maxBytes} bytes`;
      parser.write(chunk);
      if (fault !== undefined) throw broken(archive, fault);
    }
    parser.end();
    await ended;
  } catch (error) {
    if (error instanceof EkibenError) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new EkibenError("BUNDLE_NOT_FOUND", {
        detail: `There is no file ${archive}.`,
        hint: "Name a .tar.gz that `ekiben pack` made.",
        cause: error,
      });
    }
    throw broken(archive, `it cannot be read: ${(error as Error).message}`, error);
  } finally {
    input.destroy();
    unpacked.destroy();
  }
  if (seen.size === 0) throw broken(archive, "it is empty");
}

function broken(archive: string, what: string, cause?: unknown): EkibenError {
  return new EkibenError("BUNDLE_CORRUPT", {
    detail: `The archive ${archive} cannot be a bundle: ${what}.`,
    hint: "Pack the bundle again where it was saved; nothing of it was run.",
    ...(cause === undefined ? {} : { cause }),
  });
}
