import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";

/** The SHA-256 of bytes or text, in hexadecimal. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** A small file is read at once; a stream takes longer to make than to read it. */
const SMALL_BYTES = 1024 * 1024;

/**
 * The SHA-256 of a file, in hexadecimal.
 * @param size Its bytes where they are known; a file that is not small is read as a stream.
 */
export async function sha256File(file: string, size = Infinity): Promise<string> {
  if (size <= SMALL_BYTES) return sha256(await readFile(file));
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** JSON with the keys of every object in order, so that equal values print equally. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}
