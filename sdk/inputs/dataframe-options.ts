import { findClosestName, printNames } from "../core/closest-name.js";
import { EkibenError } from "../core/errors.js";
import { ORIENTS, type Orient } from "../tables/orients.js";

/** How CSV is read. */
export interface CsvConventions {
  /** One character. @default the one of comma, semicolon and tab that the header has most often */
  delimiter?: string;
  /** The sign before the fraction of a number. @default "." */
  decimal?: "." | ",";
  /**
   * Texts that say that a value is missing, besides the empty field, in columns that are nullable,
   * optional or have a default. @default []
   */
  missing?: readonly string[];
}

/** How `dataframe` reads a table. */
export interface DataFrameOptions {
  /** The only orient of JSON that is read. @default the one that a table has */
  orient?: Orient;
  csv?: CsvConventions;
}

/** @throws SERVICE_INVALID for an option that does not exist or cannot be. */
export function checkDataFrameOptions(options: DataFrameOptions): void {
  checkNames("dataframe()", options, ["orient", "csv"]);
  const { orient, csv = {} } = options;
  if (orient !== undefined) checkChoice("orient", orient, ORIENTS);
  checkNames("The option csv of dataframe()", csv, ["delimiter", "decimal", "missing"]);
  const { delimiter, decimal, missing } = csv;
  if (decimal !== undefined) checkChoice("csv.decimal", decimal, [".", ","]);
  if (delimiter !== undefined) {
    const usable =
      typeof delimiter === "string" && delimiter.length === 1 && !'"\r\n.'.includes(delimiter);
    if (!usable) {
      throw refuse(
        "csv.delimiter",
        "one character that is no quote, point or end of a line",
        delimiter,
      );
    }
    if (delimiter === decimal)
      throw refuse("csv.delimiter", "another character than csv.decimal", delimiter);
  }
  const texts = missing === undefined || (Array.isArray(missing) && missing.every(isText));
  if (!texts) throw refuse("csv.missing", "a list of texts", missing);
}

function checkChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (typeof value === "string" && choices.includes(value)) return;
  const near = typeof value === "string" ? findClosestName(value, choices) : undefined;
  const hint = near === undefined ? undefined : `Did you mean ${JSON.stringify(near)}?`;
  throw refuse(name, choices.map((choice) => JSON.stringify(choice)).join(", "), value, hint);
}

function checkNames(where: string, options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new EkibenError("SERVICE_INVALID", {
    detail: `${where} has no option ${JSON.stringify(unknown)}.`,
    hint: `The options are ${printNames(known)}.`,
    received: unknown,
  });
}

function refuse(name: string, expected: string, value: unknown, hint?: string): EkibenError {
  const received = typeof value === "string" ? JSON.stringify(value) : typeof value;
  return new EkibenError("SERVICE_INVALID", {
    detail: `The option ${name} of dataframe() is ${received}, and has to be ${expected}.`,
    ...(hint === undefined ? {} : { hint }),
    expected,
    received,
  });
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}
