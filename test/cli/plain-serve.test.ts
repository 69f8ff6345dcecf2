import { Command } from "commander";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readPlainServe } from "../../sdk/cli/plain-serve.js";
import type { SettingFlags } from "../../sdk/cli/setting-flags.js";
import { addSettingOptions, readSettingFlags } from "../../sdk/cli/setting-options.js";
import { ALL_SETTINGS } from "../../sdk/server/settings/table.js";

/** What commander makes of the words behind `serve`; `undefined` where it finds them wrong. */
function readByCommander(words: readonly string[]): [string, SettingFlags] | undefined {
  const command = new Command().argument("<bundle>").exitOverride();
  command.configureOutput({ writeErr() {}, writeOut() {} });
  let read: [string, SettingFlags] | undefined;
  addSettingOptions(command).action((target: string, options: Record<string, unknown>) => {
    read = [target, readSettingFlags(options)];
  });
  try {
    command.parse(words, { from: "user" });
  } catch {
    return undefined;
  }
  return read;
}

const flags = ALL_SETTINGS.flatMap(([, { flag = "" }]) => flag.split(", ")).filter(Boolean);
const OTHERS = ["--config", "-c", "--", "--x"];
const opposites = flags.map((one) => one.replace("--", "--no-"));
const flag = fc.constantFrom(...flags, ...opposites, ...OTHERS);
const VALUES =
  "churn:latest . 0 80 -1 1.5 info json true off auto 2GB 7d a=b prediction=0.5 127.0.0.1 http://127.0.0.1:4318 help serve";
const value = fc.constantFrom("", ...VALUES.split(" "));
const word = fc.oneof(
  flag,
  value,
  fc.tuple(flag, value).map(([name, given]) => `${name}=${given}`),
  fc.tuple(flag, value),
);
const line = fc.array(word, { maxLength: 6 }).map((parts) => parts.flat());

test("whatever it reads, commander reads the same", () => {
  let read = 0;
  fc.assert(
    fc.property(line, (words) => {
      const plain = readPlainServe(["serve", ...words]);
      if (plain === undefined) return;
      read++;
      expect([plain.target, plain.sources]).toEqual(readByCommander(words));
    }),
    { numRuns: 3_000 },
  );
  // So that the law is not one about nothing.
  expect(read).toBeGreaterThan(100);
});

test("reads every option that is written out, in both forms", () => {
  for (const words of [
    ["--port", "80", "churn:latest"],
    ["churn:latest", "--port=80"],
  ]) {
    expect(readPlainServe(["serve", ...words])).toEqual({
      target: "churn:latest",
      sources: { flags: { "server.port": "80" } },
    });
  }
  const words = ["serve", ".", "--no-check-outputs", "--workers", "2", "--config", "ekiben.yaml"];
  expect(readPlainServe(words)).toEqual({
    target: ".",
    sources: {
      flags: { "server.checkOutputs": false, "server.workers": "2" },
      file: "ekiben.yaml",
    },
  });
});

test.each([
  { why: "help", words: ["serve", "--help"] },
  { why: "another command", words: ["list"] },
  { why: "no bundle", words: ["serve"] },
  { why: "two bundles", words: ["serve", "a", "b"] },
  { why: "a value that is none", words: ["serve", "a", "--port", "http"] },
  { why: "an option without its value", words: ["serve", "a", "--port"] },
  { why: "an unknown option", words: ["serve", "a", "--prot", "1"] },
  { why: "an option of the program", words: ["--verbose", "serve", "a"] },
])("leaves to commander: $why", ({ words }) => {
  expect(readPlainServe(words)).toBeUndefined();
});
