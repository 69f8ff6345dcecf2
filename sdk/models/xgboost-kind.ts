import type { FileKind } from "./file-kind.js";
import { findForeignKind } from "./file-kind.js";

/** How to get a file that can be served, as a line of Python. */
export const SAVE_MODEL = 'booster.save_model("model.json")';
const SAVE = `Save the model itself in Python: ${SAVE_MODEL}, or clf.save_model("model.json") of a scikit-learn wrapper.`;

/** What JSON that is no model may be. */
export function findDocumentKind(document: unknown): FileKind | undefined {
  if (Array.isArray(document)) {
    const isDump = hasKey(document[0], "nodeid") || hasKey(document[0], "leaf");
    return isDump
      ? {
          what: "a dump of XGBoost's trees (get_dump, dump_model), which lacks the objective and the base score",
          hint: SAVE,
        }
      : { what: "a JSON list", hint: SAVE };
  }
  if (!hasKey(document, "learner")) {
    if (hasKey(document, "modelTopology")) {
      return { what: "a TensorFlow.js model", hint: "xgboost() serves XGBoost models only." };
    }
    return { what: "JSON without `learner`, which every XGBoost model has", hint: SAVE };
  }
  const learner = document["learner"];
  if (hasKey(learner, "generic_param") || hasKey(learner, "learner_train_param")) {
    return {
      what: "an XGBoost configuration (save_config) without trees",
      hint: SAVE,
    };
  }
  return undefined;
}

function hasKey(value: unknown, key: string): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key);
}

/** What a file is that is neither JSON nor UBJSON, by its first bytes and its name. */
export function findFileKind(head: Uint8Array, name: string): FileKind {
  const start = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString("latin1");
  if (start.startsWith("binf") || start.startsWith("bs64") || looksLegacy(head)) {
    return {
      what: "an XGBoost model in the old binary format",
      hint: `Convert it in Python, with an XGBoost older than 3.1: xgboost.Booster(model_file=${JSON.stringify(name)}).save_model("model.json").`,
    };
  }
  const found = findForeignKind(head, name);
  if (found === undefined) {
    return { what: "neither JSON nor UBJSON", hint: SAVE };
  }
  const { what } = found;
  if (/LFS|empty|web page|gzip|zip archive/.test(what)) return found;
  if (what.includes("LightGBM")) return { what, hint: "Load it with lightgbm(file)." };
  if (what.includes("pickle") || what.includes("joblib")) {
    return {
      what,
      hint: `Pickles can only be read in Python. Load it there and save the model itself: model.save_model("model.json").`,
    };
  }
  return { what, hint: SAVE };
}

/** Older files of the binary format begin with its parameters: 136 bytes, the base score first. */
function looksLegacy(head: Uint8Array): boolean {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const at = bytes.indexOf(/* the objective, after its length */ ":");
  if (at < 136 || at > 200) return false;
  return /(binary|reg|multi|rank|count|survival)$/.test(bytes.toString("latin1", 136, at));
}
