/** The values of one field of an answer, in order: a table has one for each row. */
export type OutputFields = Map<string, unknown[]>;

/**
 * The fields of an answer by their path, such as `[].churn` for a list of objects. What is no JSON is
 * one field, its text or the bytes in base64.
 */
export function readOutputFields(mediaType: string, bytes: Uint8Array): OutputFields {
  const fields: OutputFields = new Map();
  const text = Buffer.from(bytes).toString("utf8");
  const value = readValue(mediaType, text);
  if (value === undefined) {
    const isText = mediaType.startsWith("text/") || mediaType === "";
    fields.set("(body)", [isText ? text : Buffer.from(bytes).toString("base64")]);
  } else {
    collect(value, "", fields);
  }
  return fields;
}

/** A field by its path, which may be given without the lists at its beginning. */
export function findField(fields: OutputFields, name: string): readonly unknown[] | undefined {
  for (const [path, values] of fields) {
    if (path === name || toFieldName(path) === name) return values;
  }
  return undefined;
}

/** A path without the lists at its beginning, such as `churn` for `[].churn`. */
export function toFieldName(path: string): string {
  return path.replace(/^(\[\]\.?)+/, "");
}

function readValue(mediaType: string, text: string): unknown {
  try {
    if (/(\/|\+)json$/.test(mediaType)) return JSON.parse(text);
    if (/ndjson|jsonl|event-stream/.test(mediaType)) {
      return text
        .split("\n")
        .map((line) => line.replace(/^data: ?/, ""))
        .filter((line) => /^[[{"\d\-tfn]/.test(line))
        .map((line) => JSON.parse(line) as unknown);
    }
  } catch {
    // Then it is compared as the text that it is.
  }
  return undefined;
}

function collect(value: unknown, path: string, fields: OutputFields): void {
  if (Array.isArray(value)) {
    for (const one of value) collect(one, `${path}[]`, fields);
    if (value.length === 0) add(fields, `${path}[]`);
  } else if (value !== null && typeof value === "object") {
    for (const [key, one] of Object.entries(value)) {
      collect(one, path === "" ? key : `${path}.${key}`, fields);
    }
  } else {
    add(fields, path === "" ? "(value)" : path, value);
  }
}

function add(fields: OutputFields, path: string, ...values: unknown[]): void {
  const known = fields.get(path);
  if (known === undefined) fields.set(path, values);
  else known.push(...values);
}
