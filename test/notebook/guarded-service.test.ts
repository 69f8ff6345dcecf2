import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createNotebookSession } from "./notebook-session.js";

const main = fileURLToPath(new URL("../../dist/sdk/cli/main.js", import.meta.url));

/** Neither of them stands in a cell as it is. */
const SET_KEY = `process.env["GUARD_KEYS"] = ["old", "key"].join("~") + "," + ["opens", "sesame", "now"].join("~");`;
const KEY = "opens~sesame~now";

function ekiben(args: string[], env: Record<string, string>): Promise<[number, string]> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [main, ...args],
      { env: { ...process.env, ...env } },
      (error, stdout, stderr) =>
        resolve([error === null ? 0 : Number(error.code), stdout + stderr]),
    );
  });
}

it("a service with keys is saved and verified, and no key is in its bundle", async () => {
  await using session = await createNotebookSession();
  await session.run(
    `import { apiKey, cors, defineService, eventStream, json, reject, z } from "ekiben";`,
    SET_KEY,
    `const guard = apiKey({ env: "GUARD_KEYS" });`,
    `const base = defineService({ name: "base" })
  .use(cors({ origins: ["https://app.example"] }))
  .use(guard)
  .onError((error, { headers }) => reject(401, { code: (error as any).code, tenant: headers.get("x-tenant") }));`,
    `const Events = eventStream(z.object({ n: z.number() }));`,
    `const s = base.named("guarded")
  .api("twice", {
    route: "v1/:by/twice",
    input: json(z.object({ x: z.number() })),
    params: z.object({ by: z.number() }),
    query: z.object({ plus: z.number().default(0) }),
    handler: ({ x }, { params, query }) => x * params.by + query.plus,
  })
  .api("count", {
    output: Events,
    query: z.object({ to: z.int() }),
    async *handler(_, { query }) { for (let n = 1; n <= query.to; n++) yield { n }; },
  });`,
  );
  const headers = `{ "X-API-Key": process.env["GUARD_KEYS"]!.split(",")[1]!, "x-tenant": "a" }`;
  expect(
    await session.evaluate(
      `await s.call.twice({ x: 2 }, { params: { by: 10 }, query: { plus: 1 }, headers: ${headers} })`,
    ),
  ).toBe(21);
  expect(
    await session.evaluate(`await s.call.count({ query: { to: 2 }, headers: ${headers} })`),
  ).toEqual([{ n: 1 }, { n: 2 }]);
  expect(await session.fail(`await s.call.twice({ x: 2 }, { params: { by: 10 } })`)).toContain(
    "401",
  );

  const saved = await session.save("s");
  expect(saved.verified).toBe(2);
  const files = readdirSync(saved.directory, { recursive: true, withFileTypes: true });
  const texts = files
    .filter((file) => file.isFile())
    .map((file) => readFileSync(join(file.parentPath, file.name), "latin1"));
  expect(texts.filter((text) => text.includes(KEY) || text.includes("old~key"))).toEqual([]);
  const sample = JSON.parse(saved.read("samples/twice-1.json"));
  expect(sample.request).toMatchObject({
    method: "POST",
    path: "/v1/10/twice?plus=1",
    headers: { "content-type": "application/json", "x-tenant": "a" },
    withheld: ["x-api-key"],
  });
  expect(JSON.parse(saved.read("openapi.json")).components.securitySchemes).toMatchObject({
    apiKey: { in: "header", name: "X-API-Key" },
  });

  const env = { GUARD_KEYS: KEY };
  const bare = await ekiben(["verify", saved.directory], env);
  expect(bare[0]).toBe(0);
  expect(bare[1]).toMatch(/skipped +samples\/twice-1\.json +it needs x-api-key/);
  expect(bare[1]).toContain("answers 0 of 2 samples");
  const unset = await ekiben(["verify", saved.directory], {});
  expect(unset[1]).toContain("answers 0 of 2 samples");
  const withKey = await ekiben(["verify", saved.directory, "--header", `X-API-Key: ${KEY}`], env);
  expect(withKey[1]).toMatch(/same +samples\/twice-1\.json/);
  expect(withKey[1]).toContain("answers 2 of 2 samples as recorded");
});

it("an environment variable is read where the bundle runs, and never saved", async () => {
  await using session = await createNotebookSession();
  await session.run(
    `import { apiKey, defineService } from "ekiben";`,
    SET_KEY,
    `const keys = process.env["GUARD_KEYS"]!.split(",");`,
    `const { GUARD_KEYS } = process.env;`,
    `const s = defineService({ name: "s" })
  .use(apiKey({ keys }))
  .use(apiKey({ keys: [process.env["GUARD_KEYS"]!.split(",")[1]!] }))
  .api("f", { handler: () => GUARD_KEYS!.length });`,
  );
  await session.run(`await s.call.f({ headers: { "x-api-key": "${KEY}" } })`);
  const saved = await session.save("s");
  expect(saved.verified).toBe(1);
  for (const file of ["service.mjs", "src/service.ts"]) {
    expect(saved.read(file)).toContain("GUARD_KEYS");
    expect(saved.read(file)).not.toContain(KEY);
  }

  await session.run(
    `let held = { of: ["a", process.env["GUARD_KEYS"]!] };`,
    `const t = defineService({ name: "t" }).api("f", { handler: () => held.of.length });`,
    `await t.call.f()`,
  );
  const refused = await session.fail(`await t.save()`);
  expect(refused).toContain("GUARD_KEYS");
  expect(refused).not.toContain(KEY);
});
