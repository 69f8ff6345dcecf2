export const JSON_TYPE = "application/json";
export const NDJSON_TYPE = "application/x-ndjson";
export const CSV_TYPE = "text/csv";
export const TSV_TYPE = "text/tab-separated-values";
export const ARROW_STREAM_TYPE = "application/vnd.apache.arrow.stream";
export const ARROW_FILE_TYPE = "application/vnd.apache.arrow.file";
export const PARQUET_TYPE = "application/vnd.apache.parquet";

/** All media types of tables; the first one is the default. */
export const TABLE_TYPES = [
  JSON_TYPE,
  NDJSON_TYPE,
  CSV_TYPE,
  TSV_TYPE,
  ARROW_STREAM_TYPE,
  ARROW_FILE_TYPE,
  PARQUET_TYPE,
] as const;

/** Names that are in use beside those that the service shows. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  "application/ndjson": NDJSON_TYPE,
  "application/jsonl": NDJSON_TYPE,
  "application/x-parquet": PARQUET_TYPE,
};

/** The media type that the service shows for one that a request may name. */
export function toTableType(mediaType: string): string {
  return Object.hasOwn(OTHER_NAMES, mediaType) ? OTHER_NAMES[mediaType]! : mediaType;
}
