import { EkibenError } from "../../core/errors.js";
import { openFileQueues, type FileWriterOptions } from "./file-queues.js";
import type { LineSink } from "./line-sink.js";
import { makeFolder } from "./make-folder.js";

/**
 * Writes each stream to its own file of a folder, `prediction.log` and so on, rotated by size and
 * time. @throws SETTING_INVALID when the folder cannot be made.
 */
export async function createFileWriter(options: FileWriterOptions): Promise<LineSink> {
  const { directory } = options;
  await makeFolder(directory).catch((cause: unknown) => {
    throw new EkibenError("SETTING_INVALID", {
      detail: `The log folder ${directory} cannot be made: ${(cause as Error).message}.`,
      hint: "Name a folder with --log-dir, EKIBEN_LOG_DIR or logs.directory that this user may make or write to.",
      cause,
    });
  });
  return openFileQueues(options);
}
