/** Shows a value as one line where a notebook prints it; the card above has said the rest. */
export function withSummary<Value extends object>(value: Value, summary: string): Value {
  return Object.defineProperty(value, Symbol.for("nodejs.util.inspect.custom"), {
    value: () => summary,
  });
}
