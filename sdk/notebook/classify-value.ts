import type { CellRecord, NotebookHost } from "../core/cell-record.js";
import { EkibenError } from "../core/errors.js";
import { printValues } from "../bundle/values.js";
import { findSecret, readsEnvironment } from "./environment.js";
import { findSecretForm, findSecretName } from "./secrets.js";
import { isLiveValue } from "../models/live-value.js";
import { MADE_AGAIN } from "../core/made-again.js";
import { isService } from "../service/define-service.js";
import type { BindingQuestion, Classification, Classify } from "../slicing/classify.js";
import { findDrift } from "../slicing/find-drift.js";
import type { BindingId } from "../slicing/notebook.js";

/** What the variables of a notebook hold, execution by execution. */
export interface LiveValues {
  /** @throws ReferenceError while the variable is not initialised. */
  read(binding: BindingId): unknown;
  /** The classes that cells declare. */
  readonly classes: ReadonlyMap<unknown, BindingId>;
}

export function createLiveValues(host: NotebookHost): LiveValues {
  const records = new Map<number, CellRecord>(host.cells.map((cell) => [cell.id, cell]));
  const classes = new Map<unknown, BindingId>();
  for (const cell of host.cells) {
    for (const [name, read] of cell.bindings) {
      const value = tryRead(read);
      if (isClass(value)) classes.set(value, { execution: cell.id, name });
    }
  }
  return {
    classes,
    read({ execution, name }) {
      const read = records.get(execution)?.bindings.get(name);
      if (read === undefined) throw new ReferenceError(`${name} is not a variable of its cell`);
      return read();
    },
  };
}

/**
 * Decides how to capture a variable by what it holds now.
 * @param allowSecrets The variables that may hold what looks like a secret; `true` for all.
 */
export function createClassify(
  live: LiveValues,
  allowSecrets: readonly string[] | boolean = false,
): Classify {
  const mayHoldSecrets = (name: string): boolean =>
    typeof allowSecrets === "boolean" ? allowSecrets : allowSecrets.includes(name);
  return (question) => {
    let value: unknown;
    try {
      value = live.read(question);
    } catch {
      return {
        kind: "refused",
        reason: "it was never initialised, because its cell failed before",
        hint: `Mend cell [${question.cell}] and run it again.`,
      };
    }
    if (isMadeAgain(value) || readsEnvironment(question)) return { kind: "source" };
    return classifyData(question, value, { live, mayHoldSecret: mayHoldSecrets(question.name) });
  };
}

/** A secret in a bundle is one that everybody has who gets the bundle. */
function findSecretIn(name: string, value: unknown, text: string): Classification | undefined {
  const form = findSecretForm(text);
  const path = form === undefined ? findSecretName(name, value) : undefined;
  if (form === undefined && path === undefined) return undefined;
  return {
    kind: "refused",
    reason: form === undefined ? `by its name \`${path}\` is a secret` : `it holds ${form}`,
    hint: `Read it from the environment where the service runs: take process.env in .setup(), or where it is used. If it is no secret, save({ allowSecrets: [${JSON.stringify(name)}] }).`,
  };
}

interface Knowledge {
  live: LiveValues;
  mayHoldSecret: boolean;
}

/** What the text of its declaration makes again: code, and what ekiben and zod make of code. */
function isMadeAgain(value: unknown): boolean {
  if (typeof value === "function") return true;
  if (value === null || typeof value !== "object") return false;
  return (
    isService(value) ||
    "_zod" in value ||
    MADE_AGAIN in value ||
    hasFunctions(value, ["load", "files"]) ||
    isInput(value) ||
    isOutput(value)
  );
}

function isInput(value: object): boolean {
  return hasFunctions(value, ["parse", "merge", "toArgument", "encode"]);
}

function isOutput(value: object): boolean {
  return hasFunctions(value, ["mediaTypes", "write", "read", "content"]);
}

function hasFunctions(value: object, names: readonly string[]): boolean {
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}

function classifyData(
  question: BindingQuestion,
  value: unknown,
  { live, mayHoldSecret }: Knowledge,
): Classification {
  if (value instanceof Promise) {
    return {
      kind: "refused",
      reason: "it is a promise",
      hint: `Write \`await\` before it in cell [${question.cell}].`,
    };
  }
  const names = new Map(Array.from(live.classes, ([made, { name }]) => [made, name]));
  try {
    const { classes, text } = printValues({ [question.name]: value }, names);
    const secret = findSecret(text, process.env);
    if (secret !== undefined) {
      return {
        kind: "refused",
        reason: `it holds the environment variable ${secret}, which is not to be saved`,
        hint: `Read process.env.${secret} where it is used, or give its name: apiKey({ env: ${JSON.stringify(secret)} }).`,
      };
    }
    const looksSecret = mayHoldSecret ? undefined : findSecretIn(question.name, value, text);
    if (looksSecret !== undefined) return looksSecret;
    const used = Array.from(live.classes).filter(([, { name }]) => classes.includes(name));
    const secretive = used.find(([made]) => hasPrivateFields(made));
    if (secretive !== undefined) {
      if (isLiveValue(value)) return { kind: "model" };
      return {
        kind: "refused",
        reason: `its class ${secretive[1].name} has private fields (#), which cannot be read from outside`,
        hint: "Make them ordinary fields, for instance with TypeScript's `private`.",
      };
    }
    return { kind: "value", classes: used.map(([, binding]) => binding) };
  } catch (error) {
    if (!(error instanceof EkibenError)) throw error;
    const found = classifyLiteral(question, value, { live, reason: error.facts.detail });
    // Last: what can be had as data or by its text may be used by code directly, a model cannot.
    return found.kind === "refused" && isLiveValue(value) ? { kind: "model" } : found;
  }
}

/** A literal that holds functions is captured by its text while it still says what it is. */
function classifyLiteral(
  { initializer, references, cell }: BindingQuestion,
  value: unknown,
  { live, reason }: { live: LiveValues; reason: string },
): Classification {
  const { kind, node } = initializer;
  if (node === undefined || (kind !== "object" && kind !== "array")) {
    return {
      kind: "refused",
      reason: reason.replace(/\.$/, ""),
      hint: "Open or make it in `.setup()` of the service, which runs where the bundle runs, and take it from the `state` of the handler; or declare what was trained as a model, with model({ value, … }).",
    };
  }
  const drift = findDrift(node, value, {
    read(name) {
      const binding = references.get(name);
      return binding === undefined
        ? (globalThis as Record<string, unknown>)[name]
        : live.read(binding);
    },
    isMadeAgain,
  });
  if (drift === undefined) return { kind: "source" };
  return {
    kind: "refused",
    reason: drift,
    hint: `Declare its functions by names of their own, or run cell [${cell}] again.`,
  };
}

function tryRead(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function isClass(value: unknown): boolean {
  return typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
}

function hasPrivateFields(made: unknown): boolean {
  for (let one = made; isClass(one); one = Object.getPrototypeOf(one)) {
    const text = Function.prototype.toString.call(one);
    if (/\.#[\w$]|(?:^|[\s;{}])#[A-Za-z_$][\w$]*\s*[=;(]/m.test(text)) return true;
  }
  return false;
}
