/** The first bytes of a file, enough to tell what wrote it. */
export const HEAD_BYTES = 4096;

/** What a file that is not the expected model seems to be, and how to get a model from it. */
export interface FileKind {
  /** With its article: `a Python pickle`. */
  what: string;
  /** One or two sentences. */
  hint: string;
  /** The kind of model that serves it, when there is one. */
  kind?: "xgboost" | "lightgbm" | "tfjs";
}

const EXPORT_TORCH =
  'Export the model itself in Python with torch.onnx.export(model, example, "model.onnx").';
const EXPORT_KERAS =
  'Export it in Python: model.export("model.onnx", format="onnx") in Keras 3, or `python -m tf2onnx.convert`.';
const EXPORT_SKLEARN =
  "Export it in Python: skl2onnx.to_onnx(model, X[:1]), and write its SerializeToString() to a file.";
const EXPORT_FASTAI =
  'Export its network in Python with torch.onnx.export(learn.model.eval(), example, "model.onnx").';
export const EXPORT_COREML =
  "Export the model to ONNX from the framework that it was trained in, or convert it in Python with onnxmltools.convert_coreml(model).";
const EXPORT_XGBOOST = 'Load it with xgboost("model.json").';
const SAVE_XGBOOST =
  'Save it in Python with booster.save_model("model.json"), and load that with xgboost("model.json").';
const EXPORT_LIGHTGBM =
  'Serve the model itself with lightgbm("model.txt"): booster.save_model("model.txt") writes it in Python.';

/**
 * Tells what a file is that was given in the place of an ONNX model, by its first bytes and its
 * name; `undefined` when it may well be ONNX.
 */
export function findForeignKind(head: Uint8Array, name: string): FileKind | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const latin = bytes.toString("latin1");
  const ending = name.toLowerCase().replace(/^.*(?=\.)/, "");
  if (bytes.length === 0) {
    return { what: "an empty file", hint: "Write or download the model again." };
  }
  return findBinaryKind(bytes, latin, ending) ?? findTextKind(bytes, latin);
}

function findBinaryKind(bytes: Buffer, latin: string, ending: string): FileKind | undefined {
  // Core ML is protobuf as well: no byte of it says that it is not ONNX.
  if (ending === ".mlmodel") return { what: "a Core ML model", hint: EXPORT_COREML };
  if (bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5) return pickleKind(latin);
  if (latin.startsWith("PK\x03\x04")) return zipKind(latin, ending);
  if (latin.startsWith("\x89HDF\r\n")) {
    return { what: "an HDF5 file, as Keras 2 writes", hint: EXPORT_KERAS };
  }
  if (latin.startsWith("binf") || latin.startsWith("bs64")) {
    return { what: "an XGBoost model in the old binary format", hint: SAVE_XGBOOST };
  }
  if (/^\{[iIlLU]/.test(latin) && latin.slice(0, 64).includes("learner")) {
    return { what: "an XGBoost model in UBJSON", hint: EXPORT_XGBOOST, kind: "xgboost" };
  }
  if (latin.startsWith("CBM1")) {
    return {
      what: "a CatBoost model",
      hint: 'Save it in Python with model.save_model("model.onnx", format="onnx").',
    };
  }
  if (latin.slice(4, 8) === "TFL3") {
    return {
      what: "a TensorFlow Lite model",
      hint: "Convert it with `python -m tf2onnx.convert --tflite`.",
    };
  }
  if (latin.startsWith("GGUF")) {
    return { what: "a GGUF language model", hint: "onnx() serves ONNX models only." };
  }
  if (/^[^]{4}\0{4}\{"/.test(latin)) {
    return { what: "a safetensors file: weights without a graph", hint: EXPORT_TORCH };
  }
  if (latin.startsWith("\x93NUMPY")) {
    return { what: "a NumPy array", hint: "Give the file of the model itself." };
  }
  if (latin.startsWith("\x1f\x8b")) {
    return { what: "a file packed with gzip", hint: "Unpack it and give the file inside." };
  }
  if (bytes[0] === 0x78 && [0x01, 0x5e, 0x9c, 0xda].includes(bytes[1]!)) {
    return { what: "a compressed file, as joblib.dump writes", hint: EXPORT_SKLEARN };
  }
  return undefined;
}

function pickleKind(latin: string): FileKind {
  const of = (what: string, hint: string): FileKind => ({
    what: `a Python pickle${what}`,
    hint: `Pickles can only be read in Python. ${hint}`,
  });
  if (latin.includes("xgboost")) return of(" of an XGBoost model", SAVE_XGBOOST);
  if (latin.includes("lightgbm")) return of(" of a LightGBM model", EXPORT_LIGHTGBM);
  if (latin.includes("sklearn")) return of(" of a scikit-learn model", EXPORT_SKLEARN);
  if (latin.includes("fastai")) return of(" of a fastai learner", EXPORT_FASTAI);
  if (latin.includes("torch")) return of(" of a PyTorch model", EXPORT_TORCH);
  return of("", `${EXPORT_SKLEARN} For PyTorch: torch.onnx.export(model, example, "model.onnx").`);
}

function zipKind(latin: string, ending: string): FileKind {
  if (ending === ".keras" || latin.includes("model.weights.h5")) {
    return { what: "a Keras 3 model (.keras)", hint: EXPORT_KERAS };
  }
  if (latin.includes("fastai")) {
    return { what: "a fastai learner, as learn.export writes", hint: EXPORT_FASTAI };
  }
  if ([".pt", ".pth", ".bin", ".ckpt"].includes(ending) || latin.includes("/data.pkl")) {
    return {
      what: "a PyTorch checkpoint: pickled weights, such as a state_dict, without a graph",
      hint: EXPORT_TORCH,
    };
  }
  if (ending === ".npz" || latin.includes(".npy")) {
    return { what: "a NumPy archive (.npz)", hint: "Give the file of the model itself." };
  }
  return { what: "a zip archive", hint: "Unpack it and give the model file inside." };
}

function findTextKind(bytes: Buffer, latin: string): FileKind | undefined {
  if (latin.startsWith("version https://git-lfs.github.com/spec/")) {
    return {
      what: "a Git LFS pointer: the model itself was not downloaded",
      hint: "Run `git lfs pull` in its repository.",
    };
  }
  if (!isText(bytes)) return undefined;
  const text = bytes.toString("utf8").replace(/^\uFEFF/, "");
  if (/^\s*<(!doctype html|html)/i.test(text)) {
    return {
      what: "a web page: the download answered with HTML",
      hint: "Download the model again.",
    };
  }
  if (/^tree\r?\nversion=/.test(text)) {
    return { what: "a LightGBM model", hint: EXPORT_LIGHTGBM, kind: "lightgbm" };
  }
  if (/^\s*[{[]/.test(text)) return jsonKind(text);
  const line = text.trimStart().split(/\r?\n/, 1)[0]!.slice(0, 60);
  return {
    what: `a text file that begins with ${JSON.stringify(line)}`,
    hint: "Give an ONNX file, written by torch.onnx.export or skl2onnx.",
  };
}

function jsonKind(text: string): FileKind {
  if (/"generic_param"/.test(text)) {
    return {
      what: "an XGBoost configuration (save_config) without trees",
      hint: `Give the model itself. ${SAVE_XGBOOST}`,
    };
  }
  if (/^\s*\{\s*"(learner|version)"/.test(text) && text.includes('"learner"')) {
    return { what: "an XGBoost model in JSON", hint: EXPORT_XGBOOST, kind: "xgboost" };
  }
  if (/^\s*\[\s*\{\s*"nodeid"/.test(text)) {
    return {
      what: "a dump of XGBoost trees (get_dump), which lacks the objective",
      hint: `Give the model itself. ${SAVE_XGBOOST}`,
    };
  }
  if (text.includes('"modelTopology"') || text.includes('"weightsManifest"')) {
    return {
      what: "a TensorFlow.js model",
      hint: 'Give its folder to tfjs("models/digits").',
      kind: "tfjs",
    };
  }
  return {
    what: "a JSON file",
    hint: "Give an ONNX file, written by torch.onnx.export or skl2onnx.",
  };
}

/** Text has no control characters but white space. An ONNX file always has some: its field tags. */
function isText(bytes: Buffer): boolean {
  return bytes.every((byte) =>
    byte >= 0x20 ? byte !== 0x7f : byte === 9 || byte === 10 || byte === 13,
  );
}
