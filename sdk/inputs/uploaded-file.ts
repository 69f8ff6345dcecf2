import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { EkibenError } from "../core/errors.js";
import { decodeText } from "../core/decode-text.js";
import type { TempFile, TempFiles } from "./temp-files.js";

/**
 * A file as a handler gets it: in memory when it is small, otherwise on disk until the handler has
 * ended. Each method may be called any number of times.
 */
export interface UploadedFile {
  /** The last segment of the name that the client gave; data that it chose, not a name to write to. */
  readonly name?: string;
  /** The media type that the client gave, in lower case. */
  readonly mediaType: string;
  /** In bytes. */
  readonly size: number;
  /** A copy of the content. */
  bytes(): Promise<Uint8Array>;
  /**
   * The content as text, in the charset that the client named, else in UTF-8.
   * @throws BODY_MALFORMED, MEDIA_TYPE_UNSUPPORTED
   */
  text(): Promise<string>;
  stream(): Readable;
  /** The path of a file with the content, which is removed when the handler has ended. */
  path(): Promise<string>;
  /** The SHA-256 of the content, in hexadecimal. */
  sha256(): Promise<string>;
}

/** What is known of a file before its content comes. */
export interface FileHead {
  name?: string;
  mediaType: string;
  charset?: string;
}

export interface StoreLimits {
  /** Files with more bytes than this are put on disk. */
  maxMemoryBytes: number;
  maxBytes: number;
  /** Is told of bytes that are on disk now. */
  onDisk?: ((bytes: number) => void) | undefined;
}

/** A file and the freeing of what it holds on disk. */
export interface StoredFile {
  file: UploadedFile;
  release(): Promise<void>;
}

/**
 * Takes a file while it arrives.
 * @throws BODY_TOO_LARGE, BODY_NOT_STORED and what `chunks` throws; by then nothing is on disk.
 */
export async function storeFile(
  head: FileHead,
  chunks: AsyncIterable<Uint8Array>,
  { maxMemoryBytes, maxBytes, onDisk: tell }: StoreLimits,
  files: TempFiles,
): Promise<StoredFile> {
  let held: Uint8Array[] = [];
  let size = 0;
  let file: TempFile | undefined;
  try {
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > maxBytes) throw refuseSize(maxBytes);
      if (file === undefined) {
        held.push(chunk);
        if (size <= maxMemoryBytes) continue;
        file = await onDisk(files.create());
        for (const each of held) await onDisk(file.write(each));
        held = [];
        tell?.(size);
      } else {
        await onDisk(file.write(chunk));
        tell?.(chunk.length);
      }
    }
    if (file !== undefined) await onDisk(file.close());
  } catch (error) {
    await file?.remove().catch(() => {});
    throw error;
  }
  return createStoredFile(head, size, file ?? Buffer.concat(held, size), files);
}

/** A file whose content is in memory. @throws BODY_TOO_LARGE */
export function holdFile(
  head: FileHead,
  bytes: Uint8Array,
  maxBytes: number,
  files: TempFiles,
): StoredFile {
  if (bytes.length > maxBytes) throw refuseSize(maxBytes);
  return createStoredFile(head, bytes.length, bytes, files);
}

function createStoredFile(
  { name, mediaType, charset }: FileHead,
  size: number,
  content: Uint8Array | TempFile,
  files: TempFiles,
): StoredFile {
  const memory = content instanceof Uint8Array ? content : undefined;
  let onPath: Promise<TempFile> | undefined =
    content instanceof Uint8Array ? undefined : Promise.resolve(content);
  let released = false;

  async function writeOut(bytes: Uint8Array): Promise<TempFile> {
    const file = await onDisk(files.create());
    try {
      await onDisk(file.write(bytes));
      await onDisk(file.close());
      return file;
    } catch (error) {
      await file.remove().catch(() => {});
      throw error;
    }
  }

  async function findPath(): Promise<string> {
    if (released) throw refuseLate(name);
    onPath ??= writeOut(memory!);
    return (await onPath).path;
  }

  async function* read(): AsyncGenerator<Uint8Array> {
    if (memory === undefined) yield* createReadStream(await findPath());
    else yield Buffer.from(memory);
  }

  async function bytes(): Promise<Uint8Array> {
    return memory === undefined ? await readFile(await findPath()) : Uint8Array.from(memory);
  }

  const file: UploadedFile = {
    ...(name === undefined ? {} : { name }),
    mediaType,
    size,
    bytes,
    text: async () => decodeText(memory ?? (await bytes()), charset),
    stream: () => Readable.from(read(), { objectMode: false }),
    path: findPath,
    async sha256() {
      const hash = createHash("sha256");
      for await (const chunk of read()) hash.update(chunk);
      return hash.digest("hex");
    },
  };
  return {
    file: Object.freeze(hideMethods(file)),
    async release() {
      released = true;
      // A file that could not be written was removed when that failed.
      const written = await onPath?.catch(() => undefined);
      await written?.remove();
    },
  };
}

/** A cell shows what is known of a file; its methods would hide that. */
function hideMethods(file: UploadedFile): UploadedFile {
  for (const [key, value] of Object.entries(file)) {
    if (typeof value === "function") Object.defineProperty(file, key, { enumerable: false });
  }
  return file;
}

async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? "unknown reason";
    const full = ["ENOSPC", "EDQUOT", "EFBIG"].includes(reason);
    throw new EkibenError("BODY_NOT_STORED", {
      detail: `A file could not be written to the temporary folder of the server: ${
        full ? `no room is left (${reason})` : reason
      }.`,
      hint: "Try again later, or send a smaller file.",
      cause,
    });
  }
}

function refuseSize(maxBytes: number): EkibenError {
  return new EkibenError("BODY_TOO_LARGE", {
    detail: `The file has more than the ${maxBytes} bytes that are accepted here.`,
    hint: "Send a smaller file, or raise `maxBytes` of file().",
    expected: maxBytes,
  });
}

function refuseLate(name: string | undefined): EkibenError {
  return new EkibenError("HANDLER_FAILED", {
    detail: `The file${name === undefined ? "" : ` ${JSON.stringify(name)}`} was read after its handler had ended, when it is no longer on disk.`,
    hint: "Wait in the handler until it is read.",
  });
}
