import { EkibenError } from "../../core/errors.js";
import type { Engine } from "../../models/engine.js";
import { ENGINES } from "../../models/engines.js";

/** Opens the engine that a message names. */
export async function openEngine(
  name: string,
  source: unknown,
  _bundle: string | undefined,
): Promise<Engine<unknown, unknown, unknown, unknown>> {
  const load = Object.hasOwn(ENGINES, name) ? ENGINES[name] : undefined;
  if (load === undefined) {
    throw new EkibenError("INTERNAL", { detail: `There is no engine ${JSON.stringify(name)}.` });
  }
  return (await load()).open(source);
}
