import { z } from "zod";

/**
 * The schema of a cell of a type that MLflow names, with what an array or object holds.
 * Source of the types: https://mlflow.org/docs/latest/ml/model/signatures/
 */
export function toCellSchema(spec: Readonly<Record<string, unknown>>): z.ZodType {
  switch (spec["type"]) {
    case "boolean":
      return z.boolean();
    case "integer":
      return z.int32();
    case "long":
      // Numbers of JavaScript are exact up to 2^53; a longer id is refused instead of rounded.
      return z.int();
    case "float":
    case "double":
      return z.number();
    case "string":
      return z.string();
    case "datetime":
      return z.date();
    case "binary":
      return z.base64();
    case "array":
      return z.array(toCellSchema(inside(spec["items"])));
    case "map":
      return z.record(z.string(), toCellSchema(inside(spec["values"])));
    case "object":
      return z.object(
        Object.fromEntries(
          Object.entries(inside(spec["properties"])).map(([name, property]) => {
            const schema = toCellSchema(inside(property));
            return [name, inside(property)["required"] === false ? schema.nullish() : schema];
          }),
        ),
      );
    default:
      return z.any();
  }
}

function inside(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
