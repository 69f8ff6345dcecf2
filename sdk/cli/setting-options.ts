import { InvalidArgumentError, Option, type Command } from "commander";
import type { SettingFlags } from "./setting-flags.js";
import { printDefault } from "../server/settings/report.js";
import { longFlag } from "../server/settings/resolve.js";
import {
  ALL_SETTINGS,
  CONFIG_VARIABLE,
  SECTIONS,
  type SettingName,
} from "../server/settings/table.js";

/** What most who read the help look for. */
const COMMON: readonly SettingName[] = [
  "server.port",
  "server.host",
  "server.workers",
  "logs.directory",
  "logs.level",
];

/** Adds one option for each setting that has one, and `--config`; help has them by section. */
export function addSettingOptions(command: Command): Command {
  command.addOption(
    new Option("-c, --config <file>", `settings in YAML or JSON (env: ${CONFIG_VARIABLE})`),
  );
  const isCommon = (name: SettingName): boolean => COMMON.includes(name);
  const common = ALL_SETTINGS.filter(([name]) => isCommon(name));
  const others = ALL_SETTINGS.filter(([name]) => !isCommon(name));
  for (const [name, setting] of [...common, ...others]) {
    if (setting.flag === undefined) continue;
    command.optionsGroup(isCommon(name) ? "Options:" : `${SECTIONS[name.split(".")[0]!]}:`);
    const { kind, help, env } = setting;
    // Neither default nor variable is told to commander: where a value comes from is to be known.
    const about = `${help} (default: ${printDefault(setting)}, env: ${env})`;
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
  const optionless = ALL_SETTINGS.length - ALL_SETTINGS.filter(([, one]) => one.flag).length;
  return command.addHelpText(
    "after",
    `
An option wins over its variable (env), a variable over the file of --config, the file over the default.
${optionless} more settings have a variable and a place in the file, and no option:
sdk/server/production.md in the package lists all.`,
  );
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
