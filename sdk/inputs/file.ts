import { EkibenError } from "../core/errors.js";
import { fromBase64 } from "./base64.js";
import { checkOptionNames, invalidOptionOf } from "./check-options.js";
import { escapeName, parseDisposition, toFileName } from "./disposition.js";
import { describeValue } from "./findings.js";
import type { BodyHead, Input, InputContent, Payload } from "./input.js";
import { refuseMediaType } from "./json-text.js";
import { matchesType, parseMediaType, readMediaTypes } from "./media-type.js";
import { MULTIPART_TYPE, readSinglePart, readSinglePartStream } from "./multipart.js";
import { tempFiles, type TempFiles } from "./temp-files.js";
import {
  holdFile,
  storeFile,
  type FileHead,
  type StoredFile,
  type UploadedFile,
} from "./uploaded-file.js";

const OCTETS = "application/octet-stream";

export interface FileOptions {
  /** Files with more bytes than this are put on disk while they arrive. @default 1_048_576 */
  maxMemoryBytes?: number;
  /** The most bytes of a file. @default what `maxBodyBytes` of the API leaves */
  maxBytes?: number;
  /** The media types that are accepted, such as `application/pdf` or `image/*`. @default any */
  mediaTypes?: readonly string[];
}

/** A file as a caller gives it. */
export type SentFile =
  | Uint8Array
  | { bytes: Uint8Array; name?: string; mediaType?: string }
  | { b64: string; name?: string; mediaType?: string };

export type FileInput = Input<SentFile, UploadedFile, UploadedFile[], "one">;

/**
 * Reads a file: any body, or a form with one file field and nothing else. A large file is on disk,
 * never whole in memory, and removed when the handler has ended.
 * @throws SERVICE_INVALID for options that cannot be meant.
 * @example file({ mediaTypes: ["application/pdf"], maxBytes: 20_000_000 })
 */
export function file(options: FileOptions = {}): FileInput {
  return createFileInput(options, tempFiles);
}

/** `file` with a place of its own for large files. */
export function createFileInput(options: FileOptions, files: TempFiles): FileInput {
  checkOptions(options);
  const { maxMemoryBytes = 1024 * 1024, maxBytes = Infinity } = options;
  const accepted = readMediaTypes(options.mediaTypes ?? [OCTETS, "*/*"], "file");
  const mediaTypes = Object.freeze([...accepted, MULTIPART_TYPE]);
  const fallback = accepted[0]!.includes("*") ? OCTETS : accepted[0]!;
  const limits = { maxMemoryBytes, maxBytes };

  function readHead(body: BodyHead): FileHead {
    const { mediaType, parameters, headers } = body;
    const known = mediaType === "" || accepted.some((pattern) => matchesType(pattern, mediaType));
    if (!known || mediaType === MULTIPART_TYPE) return refuseMediaType(body, mediaTypes);
    const charset = parameters["charset"];
    const { fileName } = parseDisposition(headers?.get("content-disposition") ?? "");
    return {
      mediaType: mediaType === "" ? fallback : mediaType,
      ...(charset === undefined ? {} : { charset }),
      ...(fileName === undefined ? {} : { name: fileName }),
    };
  }

  function hold(head: FileHead, bytes: Uint8Array): Payload<FilePayload> {
    return toPayload(holdFile(head, bytes, maxBytes, files));
  }

  return Object.freeze({
    kind: "file",
    cardinality: "one",
    mediaTypes,
    parse(body) {
      if (body.mediaType !== MULTIPART_TYPE) return hold(readHead(body), body.bytes);
      return readSinglePart(body).then((part) => hold(readHead(part), part.bytes));
    },
    async parseStream(body) {
      const take = async (part: typeof body): Promise<Payload> =>
        toPayload(
          await storeFile(readHead(part), part.chunks, { ...limits, onDisk: body.onDisk }, files),
        );
      if (body.mediaType !== MULTIPART_TYPE) return await take(body);
      let taken: Payload | undefined;
      try {
        return await readSinglePartStream(body, async (part) => (taken = await take(part)));
      } catch (error) {
        await taken?.release?.();
        throw error;
      }
    },
    parseJson(value) {
      const { bytes, mediaType, name } = readJson(value);
      const head = readHead({ ...parseMediaType(mediaType), parameters: {} });
      const fileName = toFileName(name);
      return hold({ ...head, ...(fileName === undefined ? {} : { name: fileName }) }, bytes);
    },
    encode(sent) {
      const { bytes, mediaType, name } = readSent(sent);
      return {
        bytes,
        mediaType: mediaType ?? fallback,
        ...(name === undefined
          ? {}
          : { headers: { "content-disposition": printDisposition(name) } }),
      };
    },
    toArgument: toFile,
    merge: (payloads) => payloads.map(toFile),
    content: () => describeContent(accepted),
    itemSchema: () => ({
      type: "object",
      properties: {
        b64: { type: "string", contentEncoding: "base64" },
        name: { type: "string" },
        mediaType: { type: "string" },
      },
      required: ["b64"],
    }),
  } satisfies FileInput);
}

interface FilePayload {
  readonly file: UploadedFile;
}

function toPayload({ file, release }: StoredFile): Payload<FilePayload> {
  return Object.freeze({ items: 1, data: Object.freeze({ file }), release });
}

function toFile(payload: Payload): UploadedFile {
  return (payload as Payload<FilePayload>).data.file;
}

/** Names beyond ASCII travel in a header of a request only in the way of RFC 8187. */
function printDisposition(name: string): string {
  if (/^[ -~]*$/.test(name)) return `attachment; filename="${escapeName(name)}"`;
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename*=UTF-8''${encoded}`;
}

interface FileValue {
  bytes: Uint8Array;
  mediaType?: string;
  name?: string;
}

function readSent(sent: SentFile): FileValue {
  if (sent instanceof Uint8Array) return { bytes: sent };
  return "bytes" in sent && sent.bytes instanceof Uint8Array ? sent : readJson(sent);
}

function readJson(value: unknown): FileValue {
  const expected =
    'a file such as {"b64": "SGVsbG8=", "name": "hello.txt", "mediaType": "text/plain"}';
  const object = typeof value === "object" && value !== null ? value : {};
  const { b64, name, mediaType } = object as Record<string, unknown>;
  const wrong = [name, mediaType].some((each) => each !== undefined && typeof each !== "string");
  const bytes = typeof b64 === "string" && !wrong ? fromBase64(b64) : undefined;
  if (bytes !== undefined) {
    return { bytes, name: name as string | undefined, mediaType: mediaType as string | undefined };
  }
  const received = describeValue(value);
  throw new EkibenError("INPUT_INVALID", {
    detail:
      typeof b64 === "string" && !wrong
        ? "The file is not valid: b64 is not base64."
        : `Expected ${expected}, got ${received}.`,
    issues: [
      { message: "not a file in base64", ...(typeof b64 === "string" ? { path: "b64" } : {}) },
    ],
    expected,
    received,
  });
}

function describeContent(accepted: readonly string[]): Record<string, InputContent> {
  const binary = { type: "string", format: "binary" };
  return {
    ...Object.fromEntries(accepted.map((type) => [type, { schema: { ...binary } }])),
    [MULTIPART_TYPE]: {
      schema: { type: "object", properties: { file: binary }, required: ["file"] },
      encoding: { file: { contentType: accepted.join(", ") } },
    },
  };
}

function checkOptions(options: FileOptions): void {
  const invalid = invalidOptionOf("file");
  checkOptionNames(options, ["maxMemoryBytes", "maxBytes", "mediaTypes"], invalid);
  for (const name of ["maxMemoryBytes", "maxBytes"] as const) {
    const value: unknown = options[name];
    if (value === undefined || (typeof value === "number" && value >= 0)) continue;
    throw invalid(`\`${name}\` has to be a number of bytes, got ${String(value)}.`);
  }
}
