import type { SettingName } from "../server/settings/table.js";

/** What a command line says: the settings by name, and the configuration file. */
export interface SettingFlags {
  flags: Partial<Record<SettingName, unknown>>;
  file?: string;
}
