import { EkibenError } from "../core/errors.js";
import { readCsv } from "../tables/csv.js";
import type { SourceTable } from "../tables/table-source.js";
import type { CsvConventions } from "./dataframe-options.js";
import type { RequestBody } from "./input.js";
import { TSV_TYPE } from "./table-media-types.js";

/**
 * The table of a body in CSV or TSV. `names` are the columns of a body that says of itself that it
 * has no header (`header=absent`, RFC 4180).
 * @throws BODY_MALFORMED, INPUT_INVALID and MEDIA_TYPE_UNSUPPORTED
 */
export function readCsvBody(
  { bytes, mediaType, parameters }: RequestBody,
  { delimiter }: CsvConventions,
  names: readonly string[],
): SourceTable {
  const charset = parameters["charset"];
  const separator = mediaType === TSV_TYPE ? "\t" : delimiter;
  const absent = parameters["header"]?.toLowerCase() === "absent";
  return readCsv(bytes, {
    ...(separator === undefined ? {} : { delimiter: separator }),
    ...(charset === undefined ? {} : { charset }),
    ...(absent && names.length > 0 ? { names } : {}),
  });
}

const COMMA_NUMBER = /^string "[+-]?\d*,\d+"$/;

/** Says what to do where numbers with a decimal comma came and a point was expected. */
export function hintDecimal(error: unknown, decimal: "." | ","): unknown {
  if (!(error instanceof EkibenError) || decimal === ",") return error;
  const { facts } = error;
  const commas = facts.issues?.some(
    ({ expected, received }) => expected === "number" && COMMA_NUMBER.test(received ?? ""),
  );
  if (commas !== true) return error;
  return new EkibenError(error.code, {
    ...facts,
    hint: 'Send numbers with a decimal point; or the service reads commas: dataframe(row, { csv: { decimal: "," } }).',
  });
}
