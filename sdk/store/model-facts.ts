import { EkibenError } from "../core/errors.js";
import type { Aliases } from "./model-aliases.js";
import type { ModelRecord } from "./model-record.js";
import { checkAlias } from "./model-reference.js";

/** What is said of a version of a model, also after it was put in. */
export interface ModelFacts {
  /** Words to find it by; `null` takes one away. */
  labels?: Readonly<Record<string, string | null>>;
  /** Numbers to compare it by, such as `{ auc: 0.91 }`; `null` takes one away. */
  metrics?: Readonly<Record<string, number | null>>;
  /** Names that lead to this version and no longer to another: `production` for `name@production`. */
  aliases?: readonly string[];
  /** Aliases of this version to take away. */
  dropAliases?: readonly string[];
}

/** @throws COMMAND_INVALID or TAG_INVALID before anything is written */
export function checkFacts({ labels = {}, metrics = {}, aliases = [] }: ModelFacts): void {
  for (const [key, value] of Object.entries(labels)) {
    if (value === null || typeof value === "string") continue;
    throw invalid(`The label ${key} is no text`, "a text", value);
  }
  for (const [key, value] of Object.entries(metrics)) {
    if (value === null || Number.isFinite(value)) continue;
    throw invalid(`The metric ${key} is no number`, "a finite number", value);
  }
  for (const alias of aliases) checkAlias(alias);
}

/** The record and the aliases of its model once the facts are said. */
export function addFacts(
  before: ModelRecord,
  known: Aliases,
  { labels = {}, metrics = {}, aliases: given = [], dropAliases = [] }: ModelFacts,
): { record: ModelRecord; aliases: Aliases } {
  const { version } = before;
  const gone = dropAliases.find((alias) => known[alias] !== version);
  if (gone !== undefined) {
    throw new EkibenError("MODEL_NOT_FOUND", {
      detail: `${before.name}:${version} has no alias ${gone}.`,
      hint: "`ekiben models show` tells its aliases.",
      received: gone,
    });
  }
  const left = Object.entries(known).filter(([alias]) => !dropAliases.includes(alias));
  return {
    record: {
      ...before,
      labels: merge(before.labels, labels),
      metrics: merge(before.metrics, metrics),
    },
    aliases: {
      ...Object.fromEntries(left),
      ...Object.fromEntries(given.map((alias) => [alias, version])),
    },
  };
}

function merge<Value>(
  before: Readonly<Record<string, Value>>,
  changes: Readonly<Record<string, Value | null>>,
): Record<string, Value> {
  const entries = Object.entries({ ...before, ...changes });
  return Object.fromEntries(
    entries.flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
  );
}

function invalid(what: string, expected: string, received: unknown): EkibenError {
  return new EkibenError("COMMAND_INVALID", {
    detail: `${what}: ${String(received)}.`,
    expected,
    received: String(received),
  });
}
