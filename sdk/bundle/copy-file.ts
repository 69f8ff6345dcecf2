import { createHash } from "node:crypto";
import { mkdir, open, stat } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { dirname } from "node:path";
import { EkibenError } from "../core/errors.js";
import type { Content } from "./blobs.js";

/**
 * Copies a file of a model and hashes what was copied.
 * @throws MODEL_FILE_MISSING; BUILD_FAILED when the file changes meanwhile.
 */
export async function copyModelFile(
  model: string,
  source: string,
  target: string,
): Promise<Content> {
  const before = await stat(source).catch((cause: unknown) => {
    throw missing(model, source, cause);
  });
  if (!before.isFile()) throw missing(model, source);
  await mkdir(dirname(target), { recursive: true });
  const hash = createHash("sha256");
  let size = 0;
  const out = await open(target, "wx");
  try {
    for await (const chunk of createReadStream(source) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      await out.appendFile(chunk);
      size += chunk.byteLength;
    }
  } finally {
    await out.close();
  }
  const after = await stat(source).catch(() => undefined);
  if (after?.mtimeMs !== before.mtimeMs || after.size !== before.size || size !== before.size) {
    throw new EkibenError("BUILD_FAILED", {
      detail: `The file ${source} of the model "${model}" changed while it was copied.`,
      hint: "Save again when it is written completely.",
    });
  }
  return { sha256: hash.digest("hex"), size };
}

function missing(model: string, source: string, cause?: unknown): EkibenError {
  return new EkibenError("MODEL_FILE_MISSING", {
    detail: `The model "${model}" names the file ${source}, which ${cause === undefined ? "is not a file" : "cannot be read"}.`,
    hint: "Check its path; relative paths start in the folder of the notebook or of the command.",
    received: source,
    ...(cause === undefined ? {} : { cause }),
  });
}
