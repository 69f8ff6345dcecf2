import { ORIENTS, type Orient } from "../tables/orients.js";
import { checkChoice, checkOptionNames, invalidOptionOf } from "./check-options.js";

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

const invalid = invalidOptionOf("dataframe");

/** @throws SERVICE_INVALID for an option that does not exist or cannot be. */
export function checkDataFrameOptions(options: DataFrameOptions): void {
  checkOptionNames(options, ["orient", "csv"], invalid);
  const { orient, csv = {} } = options;
  if (orient !== undefined) checkChoice("orient", orient, { known: ORIENTS, invalid });
  checkOptionNames(csv, ["delimiter", "decimal", "missing"], invalid);
  const { delimiter, decimal, missing } = csv;
  if (decimal !== undefined) checkChoice("csv.decimal", decimal, { known: [".", ","], invalid });
  if (delimiter !== undefined) checkDelimiter(delimiter, decimal);
  if (missing === undefined || (Array.isArray(missing) && missing.every(isText))) return;
  throw invalid("csv.missing has to be a list of texts.");
}

function checkDelimiter(delimiter: unknown, decimal: string | undefined): void {
  const usable =
    typeof delimiter === "string" && delimiter.length === 1 && !'"\r\n.'.includes(delimiter);
  if (!usable) {
    throw invalid("csv.delimiter has to be one character: no quote, no point, no end of a line.");
  }
  if (delimiter === decimal) {
    throw invalid("csv.delimiter has to be another character than csv.decimal.");
  }
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}
