import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listSet, reportSettings, toSettingsTable } from "../../../sdk/server/settings/report.js";
import { resolveSettings } from "../../../sdk/server/settings/resolve.js";
import { ALL_SETTINGS } from "../../../sdk/server/settings/table.js";
import { makeFolder } from "../../bundle/temporary-folder.js";

test("an option wins over a variable, a variable over the file, the file over the default", async () => {
  await using folder = await makeFolder({
    "e.yaml": "server:\n  port: 1\n  host: file\n  drainTimeout: 7\nlogs: {level: warn}\n",
  });
  const file = join(folder.path, "e.yaml");
  const env = { PORT: "2", HOST: "env", EKIBEN_CONFIG: file, EKIBEN_LOG_LEVEL: "" };
  const resolved = await resolveSettings({ flags: { "server.port": "3" }, env });
  expect(resolved.values).toMatchObject({
    "server.port": 3,
    "server.host": "env",
    "server.drainTimeout": 7,
    "server.checkOutputs": false,
    "logs.level": "warn",
  });
  expect(listSet(resolved)).toEqual({
    "server.port": "3 (--port)",
    "server.host": "env (HOST)",
    "server.drainTimeout": "7 (e.yaml:4:17)",
    "logs.level": "warn (e.yaml:5:15)",
  });
  expect(reportSettings(resolved)["server.checkOutputs"]).toEqual({
    value: false,
    origin: "default",
  });
});

test("a file may be JSON, or empty, or name a section without anything in it", async () => {
  await using folder = await makeFolder({
    "e.json": '{"server": {"port": 81, "checkOutputs": true}}',
    "empty.yaml": "# nothing\n",
    "bare.yaml": "server:\nlogs:\n  level:\n",
  });
  const json = await resolveSettings({ file: join(folder.path, "e.json") });
  expect(json.values).toMatchObject({ "server.port": 81, "server.checkOutputs": true });
  for (const name of ["empty.yaml", "bare.yaml"]) {
    const { origins } = await resolveSettings({ file: join(folder.path, name) });
    expect(origins).toEqual({});
  }
});

test.each([
  [
    "server:\n  prot: 1\n",
    "e.yaml:2:3: there is no setting server.prot; did you mean server.port?",
  ],
  ["sever:\n  port: 1\n", "e.yaml:1:1: there is no setting sever; did you mean server?"],
  ["level: info\n", "e.yaml:1:1: there is no setting level; did you mean logs.level?"],
  [
    "server:\n  port: 99999\n",
    "e.yaml:2:9: server.port: expected a whole number from 0 to 65535, received 99999",
  ],
  ["server: 3\n", "e.yaml:1:9: The section server has to be a map of keys to values"],
  ["- 1\n", "e.yaml:1:1: The file has to be a map of keys to values"],
])("what is wrong in a file is told with its place: %j", async (text, message) => {
  await using folder = await makeFolder({ "e.yaml": text });
  await expect(resolveSettings({ file: join(folder.path, "e.yaml") })).rejects.toMatchObject({
    code: "SETTING_INVALID",
    facts: { detail: message.endsWith("?") ? message : `${message}.` },
  });
});

test("every fault of a file is told at once, a file that is no YAML by its first", async () => {
  await using folder = await makeFolder({ "e.yaml": "a: 1\nb: 2\n", "bad.yaml": "server: [1\n" });
  await expect(resolveSettings({ file: join(folder.path, "e.yaml") })).rejects.toMatchObject({
    facts: { issues: [{ path: "a" }, { path: "b" }] },
  });
  for (const name of ["bad.yaml", "gone.yaml"]) {
    await expect(resolveSettings({ file: join(folder.path, name) })).rejects.toMatchObject({
      code: "SETTING_INVALID",
      message: expect.stringContaining(name),
    });
  }
});

test.each([
  [{ PORT: "65536" }, 'PORT: expected a whole number from 0 to 65535, received "65536"'],
  [{ PORT: "0x50" }, "PORT: expected"],
  [{ EKIBEN_DRAIN_TIMEOUT: "-1" }, "EKIBEN_DRAIN_TIMEOUT: expected a number of seconds"],
  [{ EKIBEN_CHECK_OUTPUTS: "maybe" }, "EKIBEN_CHECK_OUTPUTS: expected true or false"],
  [{ EKIBEN_LOG_LEVEL: "loud" }, "EKIBEN_LOG_LEVEL: expected one of debug, info, warn"],
])("a variable that is wrong is named: %j", async (env, message) => {
  await expect(resolveSettings({ env })).rejects.toMatchObject({
    code: "SETTING_INVALID",
    message: expect.stringContaining(message),
  });
});

test("names, options and variables are each used once, and begin with their section", () => {
  for (const of of [
    ALL_SETTINGS.map(([name]) => name as string),
    ALL_SETTINGS.flatMap(([, { flag }]) => flag?.split(", ") ?? []),
    ALL_SETTINGS.map(([, { env }]) => env),
  ]) {
    expect(new Set(of).size).toBe(of.length);
  }
  for (const [name, { help, kind, default: value }] of ALL_SETTINGS) {
    expect(name).toMatch(/^[a-z]+\.[a-zA-Z]+$/);
    expect(help).toMatch(/[^.]$/);
    if (value !== undefined) expect(kind.read(value)).toEqual(value);
  }
});

const SIZES = ALL_SETTINGS.filter(([, { kind }]) => kind.placeholder?.startsWith("<size") === true);

test.each(SIZES)("%s takes sizes as all settings do", (_, { kind, default: value }) => {
  for (const [written, size] of [
    ["100MiB", 100 * 2 ** 20],
    ["100 mib", 100 * 2 ** 20],
    ["300KB", 300_000],
    ["3mb", 3_000_000],
    ["512m", 512 * 2 ** 20],
    ["2G", 2 * 2 ** 30],
    ["1.5GiB", 1.5 * 2 ** 30],
    ["70000", 70_000],
    ["70000B", 70_000],
    [70_000, 70_000],
  ] as const) {
    expect([written, kind.read(written)]).toEqual([written, size]);
  }
  const bad = [
    "",
    "MiB",
    "0",
    "-1MiB",
    "1.5",
    "1TB",
    "1e6",
    "0x10000",
    "1 2",
    "many",
    0,
    -1,
    1.5,
    true,
  ];
  for (const written of [...bad, Number.MAX_VALUE, `${"9".repeat(20)}GiB`]) {
    expect([written, kind.read(written)]).toEqual([written, undefined]);
  }
  expect(kind.expected).toContain("500KB, 64MiB or 2GB");
  // What is shown can be given.
  if (typeof value === "number") {
    expect(kind.print!(value)).toMatch(/^\d+(KiB|MiB)$/);
    expect(kind.read(kind.print!(value))).toBe(value);
  }
});

test("values are shown as they can be given: sizes with the largest unit that says them exactly", async () => {
  const env = {
    EKIBEN_LOG_ROTATE_SIZE: "104857600",
    EKIBEN_LOG_KEEP_SIZE: "5gb",
    EKIBEN_LOG_BUFFER: "70001",
    EKIBEN_BODY_BUDGET: "auto",
    EKIBEN_LOG_SAMPLE: "prediction=0.1, access=1",
  };
  expect(listSet(await resolveSettings({ env }))).toEqual({
    "logs.rotateSize": "100MiB (EKIBEN_LOG_ROTATE_SIZE)",
    "logs.keepSize": "5GB (EKIBEN_LOG_KEEP_SIZE)",
    "logs.buffer": "70001 (EKIBEN_LOG_BUFFER)",
    "limits.bodyBudget": "auto (EKIBEN_BODY_BUDGET)",
    "logs.sample": "prediction=0.1,access=1 (EKIBEN_LOG_SAMPLE)",
  });
});

test("a secret is masked wherever settings are shown", async () => {
  const secrets = ALL_SETTINGS.filter(([, { secret }]) => secret === true);
  const env = Object.fromEntries(secrets.map(([, setting]) => [setting.env, "key=hunter2hunter2"]));
  const resolved = await resolveSettings({ env });
  expect(JSON.stringify([reportSettings(resolved), listSet(resolved)])).not.toContain("hunter2");
});

/** `EKIBEN_WRITE=1` writes the table into the page instead of comparing it. */
test("the page on production has the table of all settings", async () => {
  const file = "sdk/server/production.md";
  const page = await readFile(file, "utf8");
  const marks = /(<!-- settings:start -->\n)[^]*(<!-- settings:end -->)/;
  const written = page.replace(marks, `$1${toSettingsTable()}\n$2`);
  if (process.env["EKIBEN_WRITE"] === "1") await writeFile(file, written);
  else expect(page).toBe(written);
});
