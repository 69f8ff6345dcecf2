const held = new WeakSet<object>();

/**
 * Notes that a model was declared with this object, so that a notebook saves the files of the model
 * in the place of a variable that holds it. What is inside of plain objects and arrays counts too:
 * `{ value: { forest, labels } }`.
 */
export function holdLiveValue(value: unknown): void {
  if (value === null || typeof value !== "object" || held.has(value)) return;
  held.add(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value)) return;
  for (const inner of Object.values(value)) holdLiveValue(inner);
}

/** Whether a model was declared with this object. */
export function isLiveValue(value: unknown): boolean {
  return value !== null && typeof value === "object" && held.has(value);
}
