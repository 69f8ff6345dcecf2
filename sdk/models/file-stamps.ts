import { stat } from "node:fs/promises";
import { EkibenError } from "../core/errors.js";
import type { ModelDefinition } from "./model.js";

/** A file that a model was loaded from, as it was then. */
export interface FileStamp {
  readonly model: string;
  readonly file: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** What is noted of the files of models before they are loaded. A file that is missing has no stamp. */
export async function stampFiles(name: string, model: ModelDefinition): Promise<FileStamp[]> {
  const stamps = (model.sources?.() ?? []).map(async (file): Promise<FileStamp[]> => {
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile() !== true) return [];
    return [{ model: name, file, size: found.size, mtimeMs: found.mtimeMs }];
  });
  return (await Promise.all(stamps)).flat();
}

/**
 * Checks that models are still those that were loaded: what was tried is what is saved.
 * @throws BUILD_FAILED naming the file; MODEL_FILE_MISSING
 */
export async function checkUnchanged(stamps: readonly FileStamp[]): Promise<void> {
  for (const { model, file, size, mtimeMs } of stamps) {
    const now = await stat(file).catch((cause: unknown) => {
      throw new EkibenError("MODEL_FILE_MISSING", {
        detail: `The file ${file} of the model ${JSON.stringify(model)} is gone since the service loaded it.`,
        hint: "Put it back, and save again.",
        received: file,
        cause,
      });
    });
    if (now.size === size && now.mtimeMs === mtimeMs) continue;
    throw new EkibenError("BUILD_FAILED", {
      detail: `The file ${file} of the model ${JSON.stringify(model)} changed since the service loaded it, so the bundle would answer otherwise than the service did here.`,
      hint: "Run the cell that declares the service again, and save once the file is written completely.",
      received: file,
    });
  }
}
