import type { ResolvedSettings } from "./resolve.js";
import type { SettingName, Settings } from "./table.js";

/**
 * What a primary opens once and for all of its workers: ports, and what writes the lines of all of
 * them. A reload takes over every other setting.
 */
export const NEEDS_RESTART: readonly SettingName[] = [
  "server.port",
  "server.host",
  "server.reloadable",
  "admin.port",
  "admin.host",
  "logs.directory",
  "logs.application",
  "logs.access",
  "logs.prediction",
  "logs.feedback",
  "logs.buffer",
  "logs.rotateSize",
  "logs.rotateEvery",
  "logs.keepFiles",
  "logs.keepFor",
  "logs.keepSize",
  "logs.gzip",
];

const TLS: readonly SettingName[] = ["tls.cert", "tls.key", "tls.ca", "tls.passphrase"];

export interface ReloadedSettings {
  /** What is in force after the reload. */
  readonly settings: ResolvedSettings;
  /** What was set to something else, and stays as it is until a restart. */
  readonly kept: readonly SettingName[];
}

/** Takes over what a reload may change of the settings that were read anew. */
export function reloadSettings(
  running: ResolvedSettings,
  read: ResolvedSettings,
): ReloadedSettings {
  const changes = (name: SettingName): boolean => running.values[name] !== read.values[name];
  const kept = NEEDS_RESTART.filter(changes);
  const isPlain = ({ values }: ResolvedSettings): boolean => values["tls.cert"] === undefined;
  // Files of TLS are read again; whether there is TLS at all is part of the address.
  if (isPlain(running) !== isPlain(read)) kept.push(...TLS.filter(changes));
  const values: Partial<Record<SettingName, unknown>> = { ...read.values };
  const origins: Partial<Record<SettingName, string>> = { ...read.origins };
  for (const name of kept) {
    values[name] = running.values[name];
    const origin = running.origins[name];
    if (origin === undefined) delete origins[name];
    else origins[name] = origin;
  }
  return { settings: { values: values as Settings, origins }, kept };
}
