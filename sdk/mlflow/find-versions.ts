import type { FindVersionsOptions, ModelVersion } from "./registry.js";
import type { MlflowConnection } from "./settings.js";

/**
 * The versions of registered models, page by page as they are taken, the highest of each model first
 * within a page.
 * @throws REGISTRY_REFUSED, also for a filter that MLflow does not understand; REGISTRY_UNREACHABLE
 * @example for await (const { version, stage } of findModelVersions({ name: "churn" })) console.log(version, stage);
 */
export async function* findModelVersions(
  options: FindVersionsOptions & MlflowConnection = {},
): AsyncGenerator<ModelVersion, void, undefined> {
  const [{ openRegistry }, { readSettings }] = await Promise.all([
    import("./registry.js"),
    import("./settings.js"),
  ]);
  const registry = openRegistry(await readSettings(options));
  const aliases = new Map<string, ReadonlyMap<string, string[]>>();
  for await (const found of registry.findVersions(options)) {
    // A search leaves aliases out; the model has them all.
    if (!aliases.has(found.name)) aliases.set(found.name, await registry.getAliases(found.name));
    yield { ...found, aliases: aliases.get(found.name)!.get(found.version) ?? [] };
  }
}
