/**
 * Shows a value as one line where a notebook prints it, in place of the functions that it is made of.
 * A function is asked each time.
 */
export function withSummary<Value extends object>(
  value: Value,
  summary: string | (() => string),
): Value {
  return Object.defineProperty(value, Symbol.for("nodejs.util.inspect.custom"), {
    value: () => (typeof summary === "string" ? summary : summary()),
  });
}
