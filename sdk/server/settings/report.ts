import type { Log } from "../../observability/log.js";
import type { ResolvedSettings } from "./resolve.js";
import { printSetting } from "./kinds.js";
import type { Setting } from "./setting.js";
import { ALL_SETTINGS, SETTINGS, type SettingName } from "./table.js";

/** A setting as `/metadata` and a log line show it. */
export interface ReportedSetting {
  readonly value: unknown;
  /** `default`, an option, a variable, or a place in a file. */
  readonly origin: string;
}

/** Every setting with its origin; values that are secret are masked. */
export function reportSettings({
  values,
  origins,
}: ResolvedSettings): Record<SettingName, ReportedSetting> {
  return Object.fromEntries(
    ALL_SETTINGS.map(([name, { secret }]) => {
      const value = values[name] as unknown;
      const shown = secret === true && value !== undefined ? "***" : (value ?? null);
      return [name, { value: shown, origin: origins[name] ?? "default" }];
    }),
  ) as Record<SettingName, ReportedSetting>;
}

/** Those that are no defaults, for the log line at the start: `{ "server.port": "8080 (PORT)" }`. */
export function listSet(settings: ResolvedSettings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(reportSettings(settings))
      .filter(([, { origin }]) => origin !== "default")
      .map(([name, { value, origin }]) => [name, `${print(name, value)} (${origin})`]),
  );
}

/** Says at the start what was set, and where. */
export function logSettings(log: Log, settings: ResolvedSettings): void {
  const set = listSet(settings);
  const count = Object.keys(set).length;
  log.info(
    count === 0
      ? "all settings are defaults"
      : `${count} ${count === 1 ? "setting is" : "settings are"} not the default`,
    set,
  );
}

/** The table of the documentation, in Markdown. */
export function toSettingsTable(): string {
  const rows = ALL_SETTINGS.map(([name, setting]) => {
    const { placeholder } = setting.kind;
    const flag = [setting.flag, placeholder].filter((part) => part !== undefined).join(" ");
    // A bar would end the cell, in code as well.
    const shown = setting.flag === undefined ? "" : `\`${flag.replaceAll("|", "\\|")}\``;
    return `| \`${name}\` | ${shown} | \`${setting.env}\` | ${setting.help} | ${printDefault(setting)} |`;
  });
  return [
    "| setting | option | variable | meaning | default |",
    "|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

/** How help and documentation write what holds where nothing is set. */
export function printDefault({ kind, default: value, follows }: Setting<unknown>): string {
  if (follows !== undefined) return follows;
  return value === undefined || value === false ? "off" : printSetting(kind, value);
}

/** What is no value of its kind is masked or off, and shown as it is. */
function print(name: string, value: unknown): string {
  const { kind, secret } = SETTINGS[name as SettingName] as Setting<unknown>;
  return secret === true || value === null ? String(value) : printSetting(kind, value);
}
