import { z } from "zod";
import { EkibenError } from "../core/errors.js";
import { checkSchema } from "../inputs/row-schema.js";
import { definitionOf } from "../inputs/zod-inside.js";

/** The key that says which answer feedback is about. */
export const REQUEST_ID = "requestId";

/** Feedback without a schema says anything. */
export const ANY_FEEDBACK = z.record(z.string(), z.unknown());

/** @throws SERVICE_INVALID when it is no schema of an object, or names the request id itself. */
export function checkFeedback(schema: unknown): z.ZodType {
  const invalid = (detail: string, hint: string): EkibenError =>
    new EkibenError("SERVICE_INVALID", { detail: `\`.feedback()\`: ${detail}`, hint });
  if (typeof (schema as z.ZodType | undefined)?.safeParse !== "function") {
    throw invalid("it needs a zod schema.", "Write .feedback(z.object({ churned: z.boolean() })).");
  }
  const { type, shape } = definitionOf(schema as z.ZodType) as { type: string; shape?: object };
  if (type !== "object" && type !== "record" && type !== "union") {
    throw invalid("its schema is not one of an object.", "Name each field: z.object({ … }).");
  }
  if (shape !== undefined && REQUEST_ID in shape) {
    throw invalid(
      `"${REQUEST_ID}" is always there.`,
      "Describe only what is said beside the request id.",
    );
  }
  checkSchema(schema as z.ZodType, "feedback");
  return schema as z.ZodType;
}
