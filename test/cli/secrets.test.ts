import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeHome, type CliHome } from "./run-cli.js";

const TEXT = "correct-horse-battery";
// Put together here, so that nothing that looks at this repository takes it for a real one.
const KEY = `sk-proj-${"aB3".repeat(12)}`;

const service = (before: string, expression: string): string =>
  `import { defineService, json, z } from "ekiben";
${before}
export default defineService({ name: "s" }).api("f", {
  input: json(z.string()),
  handler(x) { return ${expression}; },
});
`;

async function build(home: CliHome, source: string, ...args: string[]) {
  await writeFile(join(home.services, "s.ts"), source);
  return home.run(["build", join("services", "s.ts"), "--no-verify", ...args]);
}

test("a build refuses what save() refuses, names variable and line, and takes it when told to", async () => {
  await using home = await makeHome();
  await writeFile(join(home.services, "settings.json"), JSON.stringify({ db: { password: TEXT } }));
  await writeFile(join(home.services, "keys.ts"), `export const keys = { apiKey: "${TEXT}" };\n`);
  for (const [before, expression, detail, allowed] of [
    [
      `const apiKey = "${TEXT}";`,
      "x + apiKey",
      "`apiKey` of s.ts:2 cannot be saved: by its name `apiKey` is a secret.",
      "apiKey",
    ],
    [
      `const a = 1, at = \`${KEY}\`;`,
      "x + at + a",
      "`at` of s.ts:2 cannot be saved: it holds a key of OpenAI or Anthropic.",
      "at",
    ],
    [
      `import { keys } from "./keys.js";`,
      "x + keys.apiKey",
      "`keys` of keys.ts:1 cannot be saved: by its name `keys.apiKey` is a secret.",
      "keys",
    ],
    [
      `import settings from "./settings.json";`,
      "x + settings.db",
      "`settings` of settings.json:1 cannot be saved: by its name `settings.db.password` is a secret.",
      "other,settings",
    ],
    [
      "",
      `x + "${KEY}"`,
      "The source s.ts holds a key of OpenAI or Anthropic, which would be saved with it.",
      "all",
    ],
  ] as const) {
    const source = service(before, expression);
    const refused = await build(home, source);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toContain(`error CAPTURE_FAILED: ${detail}\n`);
    expect(refused.stderr).toContain(`--allow-secrets ${allowed.split(",").at(-1)}`);
    const built = await build(home, source, "--allow-secrets", allowed);
    expect(built).toMatchObject({ code: 0, stdout: expect.stringMatching(/^s:/) });
  }
  const [before, expression] = [`const copied = "${TEXT}";`, "x + copied"];
  await writeFile(join(home.services, "s.ts"), service(before, expression));
  const args = ["build", join("services", "s.ts"), "--no-verify"];
  const copied = await home.run(args, { env: { EKIBEN_TEST_TOKEN: TEXT } });
  expect(copied.stderr).toContain("it holds the environment variable EKIBEN_TEST_TOKEN");
});

test("what is read from the environment, and what only sounds like a secret, is built", async () => {
  await using home = await makeHome();
  const built = await build(
    home,
    service(
      'const apiKey = process.env.MY_API_KEY ?? "";\nconst padToken = "[PAD]";\nconst maxTokens = 12;',
      "x + apiKey + padToken + maxTokens",
    ),
  );
  expect(built).toMatchObject({ code: 0 });
  const bundle = /saved (.*)/.exec(built.stderr)![1]!;
  expect(await readFile(join(bundle, "src", "s.ts"), "utf8")).toContain("process.env.MY_API_KEY");
});
