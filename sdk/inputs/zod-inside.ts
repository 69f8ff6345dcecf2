// What zod offers to libraries is under `_zod`; it is read in this file only.
// oxlint-disable no-underscore-dangle
import { z } from "zod";

/** What a schema or a check was made of: its `type`, and the parts and settings of that type. */
export interface Definition {
  readonly type: z.core.$ZodTypeDef["type"];
  readonly [setting: string]: unknown;
}

export function definitionOf(schema: z.core.$ZodType): Definition {
  return schema._zod.def as unknown as Definition;
}

/** The settings of the checks that were added to a schema, such as `.min(3)` and `.refine()`. */
export function checksOf(schema: z.core.$ZodType): readonly Readonly<Record<string, unknown>>[] {
  const checks = (definitionOf(schema)["checks"] as z.core.$ZodCheck[] | undefined) ?? [];
  return checks.map((check) => check._zod.def as unknown as Record<string, unknown>);
}

/** Whether an object may leave the property of this schema out, and whether it then stays out. */
export function presenceOf(schema: z.core.$ZodType): {
  optin: string | undefined;
  optout: string | undefined;
} {
  return { optin: schema._zod.optin, optout: schema._zod.optout };
}

/**
 * Whether a schema was run without waiting for it and has a part that must be waited for. By the
 * name too: a schema may come from another copy of zod, with an error class of its own.
 */
export function isAsyncError(error: unknown): boolean {
  if (error instanceof z.core.$ZodAsyncError || error instanceof z.ZodCompileAsyncError)
    return true;
  const name = error instanceof Error ? error.constructor.name : "";
  return name === "$ZodAsyncError" || name === "ZodCompileAsyncError";
}
