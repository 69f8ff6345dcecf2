import { longFlag } from "../server/settings/resolve.js";
import { ALL_SETTINGS } from "../server/settings/table.js";
import type { SettingFlags } from "./setting-flags.js";

/** A command line that serves a bundle. */
export interface PlainServe {
  /** A tag, a folder or an archive. */
  readonly target: string;
  readonly sources: SettingFlags;
}

/**
 * Reads `serve <bundle>` with options that are written out and have valid values: the form in which
 * servers are started by the thousand, and for which the whole command line need not be loaded, a
 * twentieth of such a start. `undefined` for all else: commander reads it, or says what is wrong.
 */
export function readPlainServe([command, ...words]: readonly string[]): PlainServe | undefined {
  if (command !== "serve") return undefined;
  const sources: SettingFlags = { flags: {} };
  let target: string | undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (isValue(word)) {
      if (target !== undefined) return undefined;
      target = word;
      continue;
    }
    const [, flag = "", given] = /^(--[a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (setSwitch(sources, flag)) {
      if (given !== undefined) return undefined;
      continue;
    }
    const value = given ?? words[++at];
    if (value === undefined || !isValue(value) || !setValue(sources, flag, value)) return undefined;
  }
  return target === undefined ? undefined : { target, sources };
}

/** What begins with a hyphen may be an option. */
function isValue(word: string): boolean {
  return word !== "" && !word.startsWith("-");
}

function setSwitch({ flags }: SettingFlags, flag: string): boolean {
  for (const [name, setting] of ALL_SETTINGS) {
    const long = longFlag(setting);
    if (long === undefined || setting.kind.placeholder !== undefined) continue;
    if (flag !== long && flag !== long.replace("--", "--no-")) continue;
    flags[name] = flag === long;
    return true;
  }
  return false;
}

function setValue(sources: SettingFlags, flag: string, value: string): boolean {
  if (flag === "--config") {
    sources.file = value;
    return true;
  }
  const found = ALL_SETTINGS.find(([, setting]) => longFlag(setting) === flag);
  if (found === undefined) return false;
  const [name, { kind }] = found;
  if (kind.placeholder === undefined || kind.read(value) === undefined) return false;
  sources.flags[name] = value;
  return true;
}
