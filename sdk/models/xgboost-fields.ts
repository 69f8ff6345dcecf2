/** Why a document is not an XGBoost model that can be served; `hint` is what to do. */
export class XGBoostFault extends Error {
  readonly hint: string;

  constructor(
    message: string,
    hint = 'Save the model again in Python: booster.save_model("model.json").',
  ) {
    super(message);
    this.name = "XGBoostFault";
    this.hint = hint;
  }
}

/** An object of the document, with where it is. */
export interface Fields {
  readonly path: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export function toFields(value: unknown, path: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return { path, value: value as Record<string, unknown> };
  }
  throw new XGBoostFault(`${path} is not an object`);
}

function pathOf({ path }: Fields, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

export function hasField({ value }: Fields, key: string): boolean {
  return Object.hasOwn(value, key);
}

export function readObject(fields: Fields, key: string): Fields {
  return toFields(fields.value[key], pathOf(fields, key));
}

export function readText(fields: Fields, key: string): string {
  const text = fields.value[key];
  if (typeof text === "string") return text;
  throw new XGBoostFault(`${pathOf(fields, key)} is not text`);
}

/** A whole number; XGBoost writes parameters as text. */
export function readCount(fields: Fields, key: string, missing?: number): number {
  const value = fields.value[key];
  if (value === undefined && missing !== undefined) return missing;
  const count = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof count === "number" && Number.isSafeInteger(count) && count >= 0) return count;
  throw new XGBoostFault(`${pathOf(fields, key)} is not a count`);
}

export function readList(
  fields: Fields,
  key: string,
  missing?: readonly unknown[],
): readonly unknown[] {
  const list = fields.value[key];
  if (Array.isArray(list)) return list;
  if (ArrayBuffer.isView(list)) return Array.from(list as unknown as ArrayLike<unknown>);
  if (list === undefined && missing !== undefined) return missing;
  throw new XGBoostFault(`${pathOf(fields, key)} is not a list`);
}

export function readTexts(fields: Fields, key: string): readonly string[] {
  const list = readList(fields, key, []);
  if (list.every((item) => typeof item === "string")) return list as string[];
  throw new XGBoostFault(`${pathOf(fields, key)} holds something else than text`);
}

/** Numbers as float32, as XGBoost has them; `null`, in the place of NaN, becomes NaN. */
export function readFloats(fields: Fields, key: string, length?: number): Float32Array {
  const list = readNumbers(fields, key, length);
  return list instanceof Float32Array ? list : Float32Array.from(list);
}

/** Whole numbers; booleans count as 0 and 1. */
export function readIntegers(fields: Fields, key: string, length?: number): ArrayLike<number> {
  const list = readNumbers(fields, key, length);
  for (let i = 0; i < list.length; i += 1) {
    if (!Number.isInteger(list[i])) {
      throw new XGBoostFault(`${pathOf(fields, key)}[${i}] is not a whole number`);
    }
  }
  return list;
}

function readNumbers(fields: Fields, key: string, length?: number): ArrayLike<number> {
  const path = pathOf(fields, key);
  const list = fields.value[key];
  const isTyped = ArrayBuffer.isView(list);
  if (!isTyped && !Array.isArray(list)) throw new XGBoostFault(`${path} is not a list`);
  const cells = list as ArrayLike<unknown>;
  if (length !== undefined && cells.length !== length) {
    throw new XGBoostFault(`${path} has ${cells.length} elements, not ${length}`);
  }
  if (isTyped) return cells as ArrayLike<number>;
  const numbers = new Float64Array(cells.length);
  for (let i = 0; i < cells.length; i += 1) {
    const cell = cells[i];
    if (typeof cell === "number") numbers[i] = cell;
    else if (cell === null) numbers[i] = Number.NaN;
    else if (typeof cell === "boolean") numbers[i] = Number(cell);
    else throw new XGBoostFault(`${path}[${i}] is not a number`);
  }
  return numbers;
}
