import { findClosestName, printNames } from "../core/closest-name.js";
import { EkibenError } from "../core/errors.js";

/** Makes the error for options of an input that cannot be meant. */
export type InvalidOption = (detail: string, hint?: string) => EkibenError;

export function invalidOptionOf(input: string): InvalidOption {
  return (detail, hint) =>
    new EkibenError("SERVICE_INVALID", {
      detail: `${input}(): ${detail}`,
      ...(hint !== undefined && { hint }),
    });
}

/** Refuses options that there are not. @throws SERVICE_INVALID, with the name that was meant. */
export function checkOptionNames(
  options: object,
  known: readonly string[],
  invalid: InvalidOption,
): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw invalid(`there is no option ${JSON.stringify(unknown)}.`, hintName(unknown, known));
}

/** Refuses a value that is not one of a few names. @throws SERVICE_INVALID */
export function checkChoice(
  option: string,
  value: unknown,
  { known, invalid }: { known: readonly string[]; invalid: InvalidOption },
): void {
  if (typeof value === "string" && known.includes(value)) return;
  throw invalid(
    `there is no ${option} ${JSON.stringify(value)}.`,
    typeof value === "string" ? hintName(value, known) : `Choose of ${printNames(known)}.`,
  );
}

function hintName(name: string, known: readonly string[]): string {
  const similar = findClosestName(name, known);
  return similar === undefined
    ? `Choose of ${printNames(known)}.`
    : `Did you mean ${JSON.stringify(similar)}?`;
}
