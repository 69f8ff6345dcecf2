import { EkibenError } from "../core/errors.js";
import { describeValue, shortName } from "./findings.js";

/** The names of the columns of a table in the orient `split`. @throws INPUT_INVALID */
export function readNames(columns: readonly unknown[]): string[] {
  const seen = new Set<string>();
  return columns.map((name, at) => {
    if (typeof name !== "string" && typeof name !== "number") {
      throw new EkibenError("INPUT_INVALID", {
        detail: `Name ${at} of the columns is ${describeValue(name)}.`,
        hint: "Name each column with one text; a MultiIndex is not read.",
        expected: "string",
        received: describeValue(name),
      });
    }
    const text = String(name);
    if (seen.has(text)) {
      const column = shortName(text);
      const message = `column ${JSON.stringify(column)} comes twice`;
      throw new EkibenError("INPUT_INVALID", {
        detail: `In columns ${message}.`,
        hint: "Give every column a name of its own.",
        issues: [{ column, message }],
      });
    }
    seen.add(text);
    return text;
  });
}
