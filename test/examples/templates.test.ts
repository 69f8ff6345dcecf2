import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import type { StartedServer } from "../../sdk/bundle/verify.js";
import { spawnServer } from "../../sdk/server/spawn-server.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cli = join(root, "dist/sdk/cli/main.js");
const run = promisify(execFile);
const home = mkdtempSync(join(tmpdir(), "ekiben-templates-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const flower = { sepal_length: 6.7, sepal_width: 3, petal_length: 5.2, petal_width: 2.3 };

async function serve(file: string): Promise<StartedServer> {
  const output = join(home, file);
  const source = join("examples", "templates", `${file}.ts`);
  const env = { ...process.env, EKIBEN_HOME: home };
  const built = await run(process.execPath, [cli, "build", source, "--output", output], {
    cwd: root,
    env,
  });
  expect(built.stderr).toContain("not compared: samples/classify-1.json: it needs x-api-key");
  return await spawnServer(output, { env: { ...env, SHOP_KEYS: "key-one,key-two" } });
}

interface Answer {
  status: number;
  body: unknown;
  headers: Headers;
}

async function ask(
  { url }: StartedServer,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { "x-api-key": "key-two" },
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    headers: { "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json(), headers: response.headers };
}

describe("services that continue from one template", () => {
  it("inherit keys, CORS, the model, hooks and error bodies", async () => {
    const server = await serve("service");
    try {
      const path = "/v1/south/classify";
      expect(await ask(server, path, flower)).toMatchObject({
        status: 200,
        body: { shop: "south", species: "virginica" },
      });
      const refused = await ask(server, path, flower, { origin: "https://shop.example" });
      expect(refused).toMatchObject({ status: 401, body: { errorCode: 16 } });
      expect(refused.headers.get("access-control-allow-origin")).toBe("https://shop.example");
      expect(refused.headers.get("www-authenticate")).toContain("X-API-Key");
      expect(await ask(server, "/v1/east/classify", flower)).toMatchObject({
        status: 422,
        body: { errorCode: 18, requestId: expect.any(String) },
      });
      expect(await ask(server, `${path}?sure=true`, flower)).toMatchObject({ status: 200 });
      expect((await ask(server, "/v1/status")).body).toEqual({ service: "base", threshold: 0.5 });
    } finally {
      await server.stop();
    }
  });

  it("replace parts of it", async () => {
    const server = await serve("wholesale");
    try {
      expect((await ask(server, "/v1/classify", [flower, flower])).body).toEqual([
        { species: "virginica" },
        { species: "virginica" },
      ]);
      // The example of its warm-up, and the request above.
      expect((await ask(server, "/v1/status")).body).toEqual({
        service: "wholesale",
        threshold: 0.9,
        answered: 2,
      });
      expect((await ask(server, "/v1/classify", [{}])).body).toMatchObject({ errorCode: 18 });
      expect((await ask(server, "/v1/status", undefined, {})).status).toBe(401);
    } finally {
      await server.stop();
    }
  });
});
