import { EkibenError } from "../../core/errors.js";
import { readConfigFile, refuse } from "./config-file.js";
import type { Setting } from "./setting.js";
import { ALL_SETTINGS, CONFIG_VARIABLE, type SettingName, type Settings } from "./table.js";

/** Where settings may come from. */
export interface SettingSources {
  /** What the command line says, by name: text, or `true` and `false` for a switch. */
  flags?: Readonly<Partial<Record<SettingName, unknown>>>;
  /** @default {} */
  env?: Readonly<Record<string, string | undefined>>;
  /** A configuration file. @default the one that the variable EKIBEN_CONFIG of `env` names */
  file?: string;
}

/** The value of every setting, and where those that are no defaults come from. */
export interface ResolvedSettings {
  readonly values: Settings;
  /** `--port`, `PORT` or `ekiben.yaml:3:9`; absent for a default. */
  readonly origins: Readonly<Partial<Record<SettingName, string>>>;
}

/**
 * Finds the value of every setting: an option wins over a variable, a variable over the file, the
 * file over the default. A variable that is empty counts as not set.
 * @throws SETTING_INVALID
 */
export async function resolveSettings(sources: SettingSources = {}): Promise<ResolvedSettings> {
  const { flags = {}, env = {} } = sources;
  const path = sources.file ?? (env[CONFIG_VARIABLE] || undefined);
  const names = ALL_SETTINGS.map(([name]) => name);
  const file = path === undefined ? undefined : await readConfigFile(path, names);

  const values: Partial<Record<SettingName, unknown>> = {};
  const origins: Partial<Record<SettingName, string>> = {};
  const faults = [];
  for (const [name, setting] of ALL_SETTINGS) {
    const inFile = file?.get(name);
    if (flags[name] !== undefined) {
      const origin = longFlag(setting)!;
      values[name] = read(setting, flags[name], origin);
      origins[name] = origin;
    } else if ((env[setting.env] ?? "") !== "") {
      values[name] = read(setting, env[setting.env], setting.env);
      origins[name] = setting.env;
    } else if (inFile !== undefined) {
      const value = setting.kind.read(inFile.value);
      if (value === undefined) {
        faults.push({
          message: `${inFile.place}: ${explain(name, setting, inFile.value)}`,
          path: name,
        });
      }
      values[name] = value;
      origins[name] = inFile.place;
    } else {
      values[name] = setting.default;
    }
  }
  if (faults.length > 0) throw refuse(path!, faults);
  return { values: values as Settings, origins };
}

/** `--port` of `-p, --port`. */
export function longFlag({ flag }: Setting<unknown>): string | undefined {
  return flag?.split(", ").at(-1);
}

function read(setting: Setting<unknown>, written: unknown, origin: string): unknown {
  const value = setting.kind.read(written);
  if (value !== undefined) return value;
  throw new EkibenError("SETTING_INVALID", {
    detail: `${explain(origin, setting, written)}.`,
    hint: "`ekiben serve --help` lists all settings.",
    expected: setting.kind.expected,
  });
}

function explain(name: string, { kind, secret }: Setting<unknown>, written: unknown): string {
  const received = secret === true ? "something else" : JSON.stringify(written);
  return `${name}: expected ${kind.expected}, received ${received}`;
}
