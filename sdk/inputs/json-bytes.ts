import { EkibenError } from "../core/errors.js";

/**
 * A value as a JSON body; a bigint is written as decimal text, a date in ISO 8601.
 * @throws INPUT_INVALID when JSON cannot say the value.
 */
export function toJsonBytes(value: unknown): Uint8Array {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, (_key, inner: unknown) =>
      typeof inner === "bigint" ? String(inner) : inner,
    );
  } catch (cause) {
    throw refuse(`The value cannot be sent as JSON: ${(cause as Error).message}.`, cause);
  }
  if (text === undefined) throw refuse(`JSON cannot say ${typeof value}.`);
  return Buffer.from(text, "utf8");
}

/** A value as JSON brings it to the other side. @throws INPUT_INVALID when JSON cannot say the value. */
export function toJsonValue(value: unknown): unknown {
  return JSON.parse(Buffer.from(toJsonBytes(value)).toString("utf8"));
}

function refuse(detail: string, cause?: unknown): EkibenError {
  return new EkibenError("INPUT_INVALID", { detail, ...(cause === undefined ? {} : { cause }) });
}
