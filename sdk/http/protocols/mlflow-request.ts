import { EkibenError } from "../../core/errors.js";
import type { Input, Payload, RequestBody } from "../../inputs/input.js";
import { isJsonType, parseJson, readText, refuseMediaType } from "../../inputs/json-text.js";

/** The fields of which a request has one; the others are ignored, as MLflow does. */
const FORMATS = ["dataframe_split", "dataframe_records", "instances", "inputs"] as const;

type Format = (typeof FORMATS)[number];
type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a request of MLflow's scoring server, version 2 of its protocol, for the input of an API.
 * What is not JSON is read as on the API's own route, for the types that its input takes.
 * @throws BODY_MALFORMED, MEDIA_TYPE_UNSUPPORTED, INPUT_INVALID and what the input throws
 */
export function readScoringRequest(body: RequestBody, input: Input): Payload | Promise<Payload> {
  const { mediaType } = body;
  if (!isJsonType(mediaType)) {
    if (input.mediaTypes.includes(mediaType)) return input.parse(body);
    return refuseMediaType(body, [
      "application/json",
      ...input.mediaTypes.filter((one) => !isJsonType(one)),
    ]);
  }
  const value = parseJson(readText(body));
  const { format, table } = findFormat(value);
  if (input.parseJson === undefined) {
    throw new EkibenError("MEDIA_TYPE_UNSUPPORTED", {
      detail: `The input of this API, ${input.kind}, is not read from JSON.`,
      hint: `Send ${input.mediaTypes.join(" or ")}.`,
      expected: input.mediaTypes.join(", "),
      received: mediaType === "" ? "application/json" : mediaType,
    });
  }
  checkForm(format, table);
  return input.parseJson(
    input.cardinality === "one" ? toItem(format, table) : toItems(format, table, input),
  );
}

function findFormat(value: unknown): { format: Format; table: unknown } {
  const fields = isFields(value) ? FORMATS.filter((key) => Object.hasOwn(value, key)) : [];
  const [format, ...others] = fields;
  if (format === undefined || others.length > 0) {
    const received = Array.isArray(value)
      ? "an array"
      : isFields(value)
        ? listKeys(value)
        : typeof value;
    throw new EkibenError("BODY_MALFORMED", {
      detail: `The body must be a JSON object with exactly one of the fields ${FORMATS.join(", ")}.`,
      hint: 'Send {"dataframe_split": {"columns": [...], "data": [[...]]}} or {"inputs": ...}.',
      expected: `one of ${FORMATS.join(", ")}`,
      received,
    });
  }
  return { format, table: (value as Fields)[format] };
}

function listKeys(value: Fields): string {
  const keys = Object.keys(value);
  const shown = keys.slice(0, 5).map((key) => JSON.stringify(key.slice(0, 40)));
  return keys.length === 0 ? "no fields" : `${shown.join(", ")}${keys.length > 5 ? " …" : ""}`;
}

interface SplitTable {
  readonly columns?: readonly unknown[] | null;
  readonly data: readonly unknown[];
}

const SPLIT_KEYS: readonly string[] = ["columns", "index", "data"];

function checkForm(format: Format, table: unknown): void {
  if (format === "inputs") return;
  if (format !== "dataframe_split") {
    if (!Array.isArray(table)) throw malformed(format, "a list", table);
    return;
  }
  const isSplit =
    isFields(table) &&
    Array.isArray(table["data"]) &&
    Object.keys(table).every((key) => SPLIT_KEYS.includes(key)) &&
    [table["columns"], table["index"]].every(
      (part) => part === undefined || part === null || Array.isArray(part),
    );
  if (!isSplit)
    throw malformed(
      format,
      "an object of `data` and, if they are known, `columns` and `index`",
      table,
    );
}

function malformed(format: Format, expected: string, value: unknown): EkibenError {
  const received = Array.isArray(value) ? "a list" : value === null ? "null" : typeof value;
  return new EkibenError("BODY_MALFORMED", {
    detail: `\`${format}\` is not ${expected}.`,
    expected,
    received,
  });
}

/** The JSON that an input of many items reads. */
function toItems(format: Format, table: unknown, { kind, describeTensors }: Input): unknown {
  if (format === "dataframe_split") {
    const split = table as SplitTable;
    const { data } = split;
    // An index says nothing to a model, and pandas numbers columns that have no names.
    return kind !== "dataframe" || isUnnamed(split) ? data : { columns: split.columns, data };
  }
  if (kind !== "tensor" || format === "dataframe_records") return table;
  // Clients name the only tensor: {"inputs": {"x": [...]}}, {"instances": [{"x": ...}]}.
  const name = describeTensors?.()[0]?.name;
  return Array.isArray(table) ? table.map((row) => unwrap(row, name)) : unwrap(table, name);
}

function unwrap(value: unknown, name: string | undefined): unknown {
  if (!isFields(value) || name === undefined) return value;
  const isNamed = Object.keys(value).length === 1 && Object.hasOwn(value, name);
  return isNamed ? value[name] : value;
}

function isUnnamed({ columns }: SplitTable): boolean {
  return !Array.isArray(columns) || columns.every((name, at) => name === at);
}

/** The JSON of the one item of a request; `inputs` is the request itself, the rest are lists of items. */
function toItem(format: Format, table: unknown): unknown {
  if (format === "inputs") return table;
  const rows = format === "dataframe_split" ? (table as SplitTable).data : (table as unknown[]);
  if (rows.length !== 1) {
    throw new EkibenError("INPUT_INVALID", {
      detail: `This API takes one item a request, and \`${format}\` has ${rows.length}.`,
      hint: 'Send each in a request of its own, or as {"inputs": ...}.',
      expected: 1,
      received: rows.length,
    });
  }
  const [row] = rows;
  if (format !== "dataframe_split" || isUnnamed(table as SplitTable)) return row;
  const names = (table as SplitTable).columns!;
  if (!Array.isArray(row) || row.length !== names.length) {
    throw malformed(format, "a table whose rows have as many values as `columns` has names", row);
  }
  return Object.fromEntries(names.map((name, at) => [String(name), row[at] as unknown]));
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
