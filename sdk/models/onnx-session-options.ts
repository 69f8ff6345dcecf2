import type { InferenceSession } from "onnxruntime-node";
import { findClosestName, printNames } from "../core/closest-name.js";
import { EkibenError } from "../core/errors.js";

/**
 * The options of a session that onnxruntime-node reads. Others that its types have, such as
 * `freeDimensionOverrides` and those for browsers, it passes over.
 */
export type OnnxSessionOptions = Pick<InferenceSession.SessionOptions, SessionOption>;

const SESSION_OPTIONS = [
  "executionProviders",
  "intraOpNumThreads",
  "interOpNumThreads",
  "graphOptimizationLevel",
  "enableCpuMemArena",
  "enableMemPattern",
  "executionMode",
  "optimizedModelFilePath",
  "enableProfiling",
  "profileFilePrefix",
  "logId",
  "logSeverityLevel",
  "extra",
] as const;

type SessionOption = (typeof SESSION_OPTIONS)[number];

/**
 * One thread a session: more of them take the cores from the other sessions of a server, and while
 * they wait they spin. Level 4 keeps onnxruntime from writing to stderr what it throws anyway. The
 * arena stays on: without it every run asks the system for its memory.
 */
const SERVING: OnnxSessionOptions = {
  executionProviders: ["cpu"],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  enableCpuMemArena: true,
  enableMemPattern: true,
  logSeverityLevel: 4,
};

const NO_SPINNING = {
  "intra_op.allow_spinning": "0",
  "inter_op.allow_spinning": "0",
};

/** Options as onnxruntime gets them: the author's, and what serving wants for the others. */
export function toSessionOptions(options: OnnxSessionOptions = {}): OnnxSessionOptions {
  const extra = options.extra as { session?: object } | undefined;
  return {
    ...SERVING,
    ...options,
    extra: { ...extra, session: { ...NO_SPINNING, ...extra?.session } },
  };
}

/** The chosen options as plain data, for the description of a model. */
export function describeSessionOptions(options: OnnxSessionOptions): Record<string, unknown> {
  const { logId: _, logSeverityLevel: __, ...told } = options;
  return JSON.parse(JSON.stringify(told)) as Record<string, unknown>;
}

const MODEL_OPTIONS = [
  "features",
  "inputs",
  "output",
  "int64",
  "batchable",
  "batchAxis",
  "pad",
  "onNaN",
  "example",
  "session",
  "execution",
  "workers",
];

/**
 * Refuses options that do not exist, which onnxruntime would pass over in silence.
 * @throws SERVICE_INVALID
 */
export function checkOnnxOptions(options: object): void {
  const { session = {} } = options as { session?: object };
  const strange = Object.keys(options).find((name) => !MODEL_OPTIONS.includes(name));
  if (strange !== undefined) {
    const belongsToSession = (SESSION_OPTIONS as readonly string[]).includes(strange);
    throw unknownOption("onnx()", strange, {
      known: MODEL_OPTIONS,
      ...(belongsToSession && { hint: `Write onnx(file, { session: { ${strange}: … } }).` }),
    });
  }
  const alien = Object.keys(session).find(
    (name) => !(SESSION_OPTIONS as readonly string[]).includes(name),
  );
  if (alien !== undefined) {
    throw unknownOption("the session of onnx()", alien, { known: SESSION_OPTIONS });
  }
}

function unknownOption(
  owner: string,
  name: string,
  { known, hint }: { known: readonly string[]; hint?: string },
): EkibenError {
  const near = findClosestName(name, known);
  return new EkibenError("SERVICE_INVALID", {
    detail: `${owner[0]!.toUpperCase()}${owner.slice(1)} has no option ${JSON.stringify(name)}.`,
    hint:
      hint ??
      (near === undefined
        ? `Its options are ${printNames(known, 20)}.`
        : `Did you mean ${JSON.stringify(near)}?`),
    received: name,
  });
}
