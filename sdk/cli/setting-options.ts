import { InvalidArgumentError, Option, type Command } from "commander";
import { printDefault } from "../server/settings/report.js";
import { longFlag } from "../server/settings/resolve.js";
import { ALL_SETTINGS, CONFIG_VARIABLE, type SettingName } from "../server/settings/table.js";

/** What commander has read: the settings by name, and the configuration file. */
export interface SettingFlags {
  flags: Partial<Record<SettingName, unknown>>;
  file?: string;
}

/** Adds one option for each setting that has one, and `--config`. */
export function addSettingOptions(command: Command): Command {
  command.addOption(
    new Option("-c, --config <file>", `settings in YAML or JSON (env: ${CONFIG_VARIABLE})`),
  );
  for (const [, setting] of ALL_SETTINGS) {
    if (setting.flag === undefined) continue;
    const { kind, help, env } = setting;
    // Neither default nor variable is told to commander: where a value comes from is to be known.
    const about = `${help} (default: ${printDefault(setting.default)}, env: ${env})`;
    if (kind.placeholder === undefined) {
      command.addOption(new Option(setting.flag, about));
      const off = longFlag(setting)!.replace("--", "--no-");
      command.addOption(new Option(off, `the opposite`).hideHelp());
      continue;
    }
    const option = new Option(`${setting.flag} ${kind.placeholder}`, about);
    option.argParser((text) => {
      if (kind.read(text) !== undefined) return text;
      throw new InvalidArgumentError(`Expected ${kind.expected}.`);
    });
    command.addOption(option);
  }
  return command;
}

/** The settings among the options that commander has read. */
export function readSettingFlags(options: Readonly<Record<string, unknown>>): SettingFlags {
  const flags: SettingFlags["flags"] = {};
  for (const [name, setting] of ALL_SETTINGS) {
    if (setting.flag === undefined) continue;
    const value = options[new Option(setting.flag).attributeName()];
    if (value !== undefined) flags[name] = value;
  }
  const { config } = options;
  return typeof config === "string" ? { flags, file: config } : { flags };
}
