import { stat } from "node:fs/promises";
import { dirname, isAbsolute, join, posix, win32 } from "node:path";
import { EkibenError } from "../core/errors.js";
import { findForeignKind } from "./file-kind.js";
import { readModelHead, printPath, type ModelPath } from "./model-file.js";
import { readOnnxFile, type OnnxFileFacts } from "./onnx-file.js";
import { ProtobufError } from "./protobuf-reader.js";

/** What an ONNX file holds, once it is known to be whole. */
export interface CheckedOnnxFile {
  readonly path: ModelPath;
  readonly facts: OnnxFileFacts;
}

/**
 * Looks at a model file before onnxruntime does, whose own messages do not tell what a file is.
 * @throws MODEL_FILE_MISSING for the file or one with its weights; MODEL_FILE_INVALID for anything
 * that is not a whole ONNX file.
 */
export async function checkOnnxFile(path: ModelPath): Promise<CheckedOnnxFile> {
  const head = await readModelHead(path);
  const foreign = findForeignKind(head, path.absolute);
  if (foreign !== undefined) {
    throw new EkibenError("MODEL_FILE_INVALID", {
      detail: `${printPath(path)} is not an ONNX model: it is ${foreign.what}.`,
      hint: foreign.hint,
      expected: "an ONNX model",
      received: foreign.what,
    });
  }
  const facts = isOrtFormat(head) ? ORT_FORMAT : readFacts(path);
  if (!facts.hasGraph) {
    throw new EkibenError("MODEL_FILE_INVALID", {
      detail: `${printPath(path)} is not an ONNX model: it holds no graph.`,
      hint: "Export the model again with torch.onnx.export or skl2onnx.",
      expected: "an ONNX model",
    });
  }
  for (const location of facts.externalFiles) await checkExternalFile(path, location);
  return { path, facts };
}

/** Where the weights of a model are, as a bundle names them: relative, with `/`. */
export function toBundlePath(location: string): string {
  return posix.normalize(location.replaceAll("\\", "/"));
}

/** onnxruntime's own format has this mark and is no protobuf; it never has side files. */
function isOrtFormat(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(4, 8)).toString("latin1") === "ORTM";
}

const ORT_FORMAT: OnnxFileFacts = {
  irVersion: undefined,
  producer: undefined,
  opsets: {},
  hasGraph: true,
  hasOtherOutputs: false,
  operators: new Set(),
  externalFiles: [],
};

function readFacts(path: ModelPath): OnnxFileFacts {
  try {
    return readOnnxFile(path.absolute);
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    throw new EkibenError("MODEL_FILE_INVALID", {
      detail: error.cut
        ? `${printPath(path)} is cut off: ${error.message}.`
        : `${printPath(path)} is not an ONNX model: ${error.message}.`,
      hint: error.cut
        ? "Copy or download the file again."
        : "Give an ONNX file, written by torch.onnx.export or skl2onnx.",
      expected: "an ONNX model",
      cause: error,
    });
  }
}

async function checkExternalFile(path: ModelPath, location: string): Promise<void> {
  const inside = toBundlePath(location);
  if (
    isAbsolute(location) ||
    win32.isAbsolute(location) ||
    /^[a-z]:/i.test(location) ||
    inside === "." ||
    inside.startsWith("../") ||
    inside.startsWith("/")
  ) {
    throw new EkibenError("MODEL_FILE_INVALID", {
      detail: `${printPath(path)} keeps weights in ${JSON.stringify(location)}, outside of its folder.`,
      hint: "Save the model again in Python with onnx.save(model, path, save_as_external_data=True).",
      received: location,
    });
  }
  const absolute = join(dirname(path.absolute), inside);
  const there = await stat(absolute).then(
    (info) => info.isFile(),
    () => false,
  );
  if (there) return;
  throw new EkibenError("MODEL_FILE_MISSING", {
    detail: `${printPath(path)} keeps its weights in ${JSON.stringify(location)}, and ${absolute} does not exist.`,
    hint: "Copy that file next to the model, or save the model in one file with onnx.save(onnx.load(path), path).",
    received: location,
  });
}
