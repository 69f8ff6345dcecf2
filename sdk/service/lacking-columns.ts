import { findClosestName } from "../core/closest-name.js";
import type { ModelDescription } from "../models/model.js";
import type { ServiceDefinition } from "./definition.js";

/** Names that files give to features that had none. */
const UNNAMED = /^(f|Column_|feature_?)\d+$/i;

/**
 * Columns that a model wants and no row of an untried table has, in sentences. A handler may make
 * columns itself, so this is something to tell and no error; what has an example is tried instead.
 * @param tried The APIs that have answered already.
 */
export function findLackingColumns(
  definition: ServiceDefinition,
  models: Iterable<readonly [string, ModelDescription]>,
  tried: ReadonlySet<string> = new Set(),
): string[] {
  const all = Object.values(definition.apis).filter(({ input }) => input.kind === "dataframe");
  // Writing schemas out takes a moment, and most services have examples.
  if (all.every(({ name, example }) => example !== undefined || tried.has(name))) return [];
  const wishes = Array.from(
    models,
    ([model, description]) => [model, findNames(description)] as const,
  );
  if (wishes.every(([, wanted]) => wanted.length === 0)) return [];
  const tables = all.map(({ name, input, example }) => {
    const { properties } = input.itemSchema() as { properties?: Record<string, unknown> };
    const columns = Object.keys(properties ?? {});
    return { name, columns, untried: example === undefined && !tried.has(name) };
  });
  const found: string[] = [];
  for (const [model, wanted] of wishes) {
    if (wanted.length === 0) continue;
    const lacks = tables.map((table) => ({
      ...table,
      lacking: wanted.filter((name) => !table.columns.includes(name)),
    }));
    // A table that has them all is the one that is meant for the model.
    if (lacks.some(({ lacking }) => lacking.length === 0)) continue;
    for (const { name, columns, lacking, untried } of lacks) {
      if (!untried || lacking.length * 2 > wanted.length) continue;
      const shown = lacking.slice(0, 5).map((one) => JSON.stringify(one));
      const similar = findClosestName(lacking[0]!, columns);
      const meant = similar === undefined ? "" : ` (it has ${JSON.stringify(similar)})`;
      found.push(
        `The model ${JSON.stringify(model)} wants ${shown.join(", ")}${lacking.length > 5 ? ", …" : ""}, which no row of ${JSON.stringify(name)} has${meant}. Give the API an example: it is tried before the first request.`,
      );
    }
  }
  return found;
}

function findNames(description: ModelDescription): string[] {
  const { features } = description as { features?: readonly { name?: unknown }[] };
  const named = features ?? ((description.inputs?.length ?? 0) > 1 ? description.inputs! : []);
  const names = named.map(({ name }) => String(name));
  return names.every((name) => UNNAMED.test(name)) ? [] : names;
}
