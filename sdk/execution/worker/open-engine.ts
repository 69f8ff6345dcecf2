import { EkibenError } from "../../core/errors.js";
import type { Engine } from "../../models/engine.js";
import { ENGINES } from "../../models/engines.js";
import { BUNDLED, type BundledSource } from "../../models/javascript-apart.js";

type AnyEngine = Engine<unknown, unknown, unknown, unknown>;

/** Opens the engine that a message names. */
export async function openEngine(
  name: string,
  source: unknown,
  bundle: string | undefined,
): Promise<AnyEngine> {
  if (name === BUNDLED) return openBundled(source as BundledSource, bundle!);
  const load = Object.hasOwn(ENGINES, name) ? ENGINES[name] : undefined;
  if (load === undefined) {
    throw new EkibenError("INTERNAL", { detail: `There is no engine ${JSON.stringify(name)}.` });
  }
  return (await load()).open(source);
}

/** A model with functions of the author's: the code of the bundle is loaded here once more. */
async function openBundled(
  { model, directory }: BundledSource,
  bundle: string,
): Promise<AnyEngine> {
  const { loadService, openBundle } = await import("../../bundle/load.js");
  const service = await loadService(await openBundle(bundle));
  const definition = service.definition.models[model]!;
  const loaded = await definition.load({ name: model, directory });
  const { predict } = loaded as unknown as { predict(x: unknown): Promise<unknown> };
  return { facts: null, run: (x) => predict(x), release: () => loaded.release() };
}
