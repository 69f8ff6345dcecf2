import { describe, expect, test } from "vitest";
import { findSecretForm, findSecretName } from "../../sdk/notebook/secrets.js";
import { createNotebookSession } from "./notebook-session.js";

const TEXT = "correct-horse-battery";

test.each([
  "apiKey",
  "API_KEY",
  "openaiApiKey",
  "OPENAI_API_KEY",
  "password",
  "dbPassword",
  "DB_PASSWD",
  "token",
  "accessToken",
  "GITHUB_TOKEN",
  "clientSecret",
  "secret",
  "privateKey",
  "credentials",
  "authKey",
  "connectionString",
])("a text that is named %s is a secret", (name) => {
  expect(findSecretName(name, TEXT)).toBe(name);
});

test.each([
  ["tokens", ["correct", "horse-battery"]],
  ["tokenizer", TEXT],
  ["maxTokens", TEXT],
  ["tokenizerUrl", TEXT],
  ["keys", TEXT],
  ["key", TEXT],
  ["keyColumn", TEXT],
  ["secretary", TEXT],
  ["passwordColumn", TEXT],
  ["token", "[UNK]"],
  ["padToken", "<padding>"],
  ["token", 12],
  ["apiKey", ""],
  ["password", "short"],
  ["token", "a sentence of several words"],
  ["vocabulary", { token: 5, "[CLS]": 101 }],
])("%s = %j is none", (name, value) => {
  expect(findSecretName(name, value)).toBeUndefined();
});

test("fields, Maps and lists are looked at, circles too, and the path is told", () => {
  expect(findSecretName("config", { db: { host: "a", password: TEXT } })).toBe(
    "config.db.password",
  );
  expect(findSecretName("config", new Map([["api_key", TEXT]]))).toBe("config.api_key");
  expect(findSecretName("config", { tokens: 1, services: [{ token: TEXT }] })).toBe(
    "config.services.token",
  );
  expect(findSecretName("secrets", [TEXT])).toBe("secrets");
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  expect(findSecretName("config", circle)).toBeUndefined();
});

// Put together here, so that nothing that looks at this repository takes them for real ones.
test.each([
  ["a private key", `-----BEGIN ${"RSA"} PRIVATE KEY-----\nMIIE`],
  ["an access key of AWS", `AKIA${"ABCDEFGHIJKLMNOP"}`],
  ["a token of GitHub", `ghp_${"a1".repeat(18)}`],
  ["a key of OpenAI or Anthropic", `sk-proj-${"aB3".repeat(12)}`],
  ["a token of Hugging Face", `hf_${"a".repeat(34)}`],
  [
    "a JSON Web Token",
    `eyJ${"hbGciOiJI"}UzI1NiJ9.eyJ${"zdWIiOiIxMjM0"}NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N`,
  ],
  ["a password in an address", `postgres://me:${"hunter22"}@db.example/x`],
])("%s is known by its form", (what, text) => {
  expect(findSecretForm(`const x = ${JSON.stringify(text)};`)).toBe(what);
});

test.each([
  "https://example.com/a@b",
  "sk-learn",
  "const a: Record<string, b> = {}",
  "see https://x.example:8080/y",
])("%j has no such form", (text) => expect(findSecretForm(text)).toBeUndefined());

// A pattern that goes back and forth would not end within the time of a test.
test.each(["a", "eyJ", "ey", ":/", "a://b:", "sk", "-----BEGIN "])(
  "a long text of %j is looked through",
  (unit) => {
    expect(findSecretForm(unit.repeat(Math.ceil(1_000_000 / unit.length)))).toBeUndefined();
  },
);

describe("save() of a notebook", () => {
  const IMPORT = `import { defineService, json, z } from "ekiben";`;
  const service = (expression: string): string =>
    `const s = defineService({ name: "s" }).api("f", { input: json(z.string()), handler(x) { return ${expression}; } });`;

  test("refuses a variable that looks like a secret, names it and its cell, and takes it when told to", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      `const settings = { host: "db.example", password: "${TEXT}" };`,
      service("x + settings.host"),
    );
    await expect(session.save("s")).rejects.toThrow(
      /settings\.password.*allowSecrets: \["settings"\]/s,
    );
    const saved = await session.save("s", { allowSecrets: ["settings"] });
    expect(saved.report.find(({ name }) => name === "settings")?.kind).toBe("value");
  });

  test("refuses a secret in a variable of its own as well, though its text could be kept", async () => {
    await using session = await createNotebookSession();
    const key = `sk-proj-${"aB3".repeat(12)}`;
    await session.run(IMPORT, `const apiKey = "${TEXT}";`, service("x + apiKey.length"));
    await expect(session.save("s")).rejects.toThrow(
      /`apiKey` of cell \[2\].*allowSecrets: \["apiKey"\]/s,
    );
    const saved = await session.save("s", { allowSecrets: ["apiKey"] });
    expect(saved.report.find(({ name }) => name === "apiKey")?.kind).toBe("source");

    await session.run(`const sample = "${key}";`, service("x + sample.length"));
    await expect(session.save("s")).rejects.toThrow(/`sample` of cell.*a key of OpenAI/s);
    await session.save("s", { allowSecrets: ["sample"] });

    await session.run(
      `process.env.EKIBEN_TEST_TOKEN = "${TEXT}";`,
      `const copied = "${TEXT}";`,
      service("x + copied.length"),
    );
    await expect(session.save("s")).rejects.toThrow(/`copied`.*EKIBEN_TEST_TOKEN/s);
  });

  test("never saves the environment, nor a secret that is written within a function", async () => {
    await using session = await createNotebookSession();
    const key = `sk-proj-${"aB3".repeat(12)}`;
    await session.run(
      IMPORT,
      `process.env.EKIBEN_TEST_TOKEN = "${TEXT}";`,
      "const fromEnvironment = process.env.EKIBEN_TEST_TOKEN;",
      service("x + (fromEnvironment ?? '').length"),
    );
    const saved = await session.save("s");
    expect(`${saved.read("service.mjs")}${saved.read("src/service.ts")}`).not.toContain(TEXT);
    await session.run(service(`x + "${key}".length`));
    await expect(session.save("s")).rejects.toThrow(/a key of OpenAI.*process\.env/s);
  });
});
