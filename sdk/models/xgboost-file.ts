import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { EkibenError } from "../core/errors.js";
import { HEAD_BYTES } from "./file-kind.js";
import { parseLooseJson } from "./loose-json.js";
import { printPath, readModelHead, type ModelPath } from "./model-file.js";
import { fromUbjson, UbjsonFault } from "./ubjson.js";
import { findDocumentKind, findFileKind } from "./xgboost-kind.js";
import { readXGBoost, type XGBoostParts } from "./xgboost-parts.js";
import { XGBoostFault } from "./xgboost-fields.js";

/** Why a file that begins as it should ends too early. */
const TRUNCATED = "Download or save it again: booster.save_model() in Python writes it whole.";

/**
 * Reads and checks the file of an XGBoost model, in JSON or UBJSON.
 * @throws MODEL_FILE_MISSING; MODEL_FILE_INVALID, saying what the file is and what to do.
 */
export async function readXGBoostFile(path: ModelPath): Promise<XGBoostParts & { bytes: number }> {
  await readModelHead(path);
  const bytes = await readFile(path.absolute).catch((cause: unknown) => {
    throw new EkibenError("MODEL_FILE_INVALID", {
      detail: `The model file ${printPath(path)} cannot be read: ${(cause as Error).message}.`,
      cause,
    });
  });
  const document = parseDocument(path, bytes);
  const kind = findDocumentKind(document);
  if (kind !== undefined) throw toInvalid(path, `is ${kind.what}`, kind.hint);
  try {
    return { ...readXGBoost(document), bytes: bytes.length };
  } catch (error) {
    if (!(error instanceof XGBoostFault)) throw error;
    throw toInvalid(
      path,
      `is an XGBoost model that cannot be served: ${error.message}`,
      error.hint,
    );
  }
}

function parseDocument(path: ModelPath, bytes: Buffer): unknown {
  const kind = findEncoding(bytes);
  if (kind === undefined) {
    const found = findFileKind(bytes.subarray(0, HEAD_BYTES), basename(path.absolute));
    throw toInvalid(path, `is ${found.what}`, found.hint);
  }
  try {
    return kind === "ubjson" ? fromUbjson(bytes) : parseLooseJson(toText(bytes));
  } catch (error) {
    if (error instanceof UbjsonFault) {
      throw error.truncated
        ? toInvalid(path, `is UBJSON that was cut off: ${error.message}`, TRUNCATED)
        : toInvalid(path, `is damaged UBJSON: ${error.message}`, TRUNCATED);
    }
    if (error instanceof SyntaxError) {
      const isCut = !/[}\]]\s*$/.test(bytes.toString("latin1", Math.max(0, bytes.length - 64)));
      throw toInvalid(
        path,
        isCut ? "is JSON that was cut off" : `is not valid JSON: ${error.message}`,
        TRUNCATED,
      );
    }
    throw toInvalid(
      path,
      `cannot be read as text: ${(error as Error).message}`,
      'Save it as UBJSON in Python: booster.save_model("model.ubj").',
    );
  }
}

function toText(bytes: Buffer): string {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return bytes.toString("utf8", hasMark ? 3 : 0);
}

/** UBJSON has a length after its first brace, JSON a quote. */
function findEncoding(bytes: Buffer): "json" | "ubjson" | undefined {
  if (bytes[0] === 0x7b && "iUIlL$#N".includes(String.fromCharCode(bytes[1] ?? 0x22))) {
    return "ubjson";
  }
  const start = bytes.toString("utf8", 0, 256);
  return /^\uFEFF?\s*(?:\{\s*["}]|\{\s*$|\[)/.test(start) ? "json" : undefined;
}

function toInvalid(path: ModelPath, what: string, hint: string): EkibenError {
  return new EkibenError("MODEL_FILE_INVALID", {
    detail: `The file ${printPath(path)} ${what}.`,
    hint,
  });
}
