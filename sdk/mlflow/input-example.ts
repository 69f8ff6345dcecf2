import { readFile } from "node:fs/promises";

/**
 * The example that a model was logged with: the rows of a table, or the nested lists of a tensor.
 * @returns nothing when the file is not there or is not JSON: an example is never needed.
 */
export async function readExample(file: string): Promise<{ value: unknown } | undefined> {
  try {
    return { value: toRows(JSON.parse(await readFile(file, "utf8"))) };
  } catch {
    return undefined;
  }
}

/** MLflow writes tables in pandas' orient "split", and tensors below `inputs`. */
function toRows(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { columns, data, inputs, ...rest } = value as Record<string, unknown>;
  if (Array.isArray(data)) {
    if (!Array.isArray(columns)) return data;
    return (data as unknown[][]).map((row) =>
      Object.fromEntries(columns.map((name, at) => [String(name), row[at]])),
    );
  }
  return inputs !== undefined && Object.keys(rest).length === 0 && columns === undefined
    ? inputs
    : value;
}
