import { EkibenError } from "../core/errors.js";
import { readCsv, type CsvOptions } from "../tables/csv.js";
import type { CsvConventions } from "./dataframe-options.js";
import type { RequestBody } from "./input.js";
import { readSource } from "./read-source.js";
import type { RowReader, Table } from "./row-reader.js";
import { TSV_TYPE } from "./table-media-types.js";

/** Makes the reader of bodies in CSV and TSV. */
export function createCsvReader(
  reader: RowReader,
  { delimiter, decimal = ".", missing = [] }: CsvConventions,
): (body: RequestBody) => Table {
  const conventions = { decimal, missing: new Set(missing) };
  const names = reader.schema.sent.map(({ name }) => name);
  const simple = decimal === "." && missing.length === 0;

  return ({ bytes, mediaType, parameters }) => {
    const options: CsvOptions = {};
    const charset = parameters["charset"];
    const separator = mediaType === TSV_TYPE ? "\t" : delimiter;
    if (charset !== undefined) options.charset = charset;
    if (separator !== undefined) options.delimiter = separator;
    // A body may say of itself that it has no header (RFC 4180, section 3).
    const header = parameters["header"]?.toLowerCase() !== "absent" || names.length === 0;
    if (!header) options.names = names;
    if (simple && header && (charset === undefined || /^utf-?8$/i.test(charset))) {
      const cells = reader.readCsvBytes(bytes, separator);
      if (cells !== undefined) return cells;
    }
    const table = readCsv(bytes, options);
    try {
      return reader.readColumns(readSource(reader.schema, table, conventions));
    } catch (error) {
      throw hintDecimal(error, decimal);
    }
  };
}

const COMMA_NUMBER = /^string "[+-]?\d*,\d+"$/;

/** Says what to do where numbers with a decimal comma came and a point was expected. */
function hintDecimal(error: unknown, decimal: "." | ","): unknown {
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
