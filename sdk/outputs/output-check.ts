import { z } from "zod";
import { EkibenError, type Issue } from "../core/errors.js";
import type { Cardinality } from "../inputs/input.js";
import type { Output, OutputSlice, SingleOutput } from "./output.js";

/**
 * What the schema of an output describes among the outputs of a request: each of them, or all that
 * an output holds which answers one item with more than one. @throws OUTPUT_INVALID
 */
export function readChecked(
  output: Output,
  outputs: OutputSlice,
  cardinality: Cardinality,
): unknown[] {
  const { readSingle } = output as Partial<SingleOutput<unknown, unknown>>;
  if (cardinality === "many" || readSingle === undefined) return outputs.values();
  return outputs.values().flatMap((value) => readSingle(value).values());
}

const MOST_ISSUES = 20;
/** What an element of a promise, or the promise itself, is called by zod. */
const UNAWAITED = /received (?:undefined|NaN|Promise)/;

/** A compiled check that outputs match their schema. It never changes them. @throws OUTPUT_INVALID */
export function createOutputCheck(
  api: string,
  schema: z.ZodType,
): (outputs: readonly unknown[]) => void {
  const compiled = z.compile(schema);
  return (outputs) => {
    let issues: Issue[] | undefined;
    for (let index = 0; index < outputs.length; index++) {
      const result = compiled.safeParse(outputs[index]);
      if (result.success) continue;
      issues ??= [];
      for (const issue of result.error.issues) {
        issues.push({ message: issue.message, path: issue.path.join("."), row: index });
      }
    }
    if (issues === undefined) return;
    const first = issues[0]!;
    throw new EkibenError("OUTPUT_INVALID", {
      detail: `The handler of "${api}" returned an output that does not match its schema: output ${first.row}${first.path ? `, "${first.path}"` : ""}: ${first.message}.`,
      hint: UNAWAITED.test(first.message)
        ? "Mend the handler: perhaps it does not await a model, whose answers are promises. Or mend the `output` schema."
        : "Mend the handler, or the `output` schema.",
      issues: issues.slice(0, MOST_ISSUES),
      issueCount: issues.length,
    });
  };
}
