import { toConnectionOptions } from "./connection-options.js";
import { toServerLimits } from "./limits.js";
import type { ServerLines } from "./logs/server-lines.js";
import type { ServeOptions } from "./serve.js";
import type { ResolvedSettings } from "./settings/resolve.js";

/**
 * What settings mean for a server, alone or one of several; files of TLS are read.
 * @throws SETTING_INVALID when one of those cannot be used
 */
export async function toServeOptions(
  settings: ResolvedSettings,
  lines: ServerLines,
): Promise<Omit<ServeOptions, "directory">> {
  const { values } = settings;
  return {
    drainTimeoutMs: values["server.drainTimeout"] * 1000,
    checkOutputs: values["server.checkOutputs"],
    limits: toServerLimits(values),
    connections: await toConnectionOptions(values),
    settings,
    lines,
  };
}
