import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import type { MlflowOptions } from "../../sdk/mlflow/mlflow.js";
import { makeCache, open } from "./open.js";
import { createMlflowServer, type ServerOptions, type TestServer } from "./server.js";

beforeEach(() => {
  vi.stubEnv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0.001");
});
afterEach(() => void vi.unstubAllEnvs());

async function fail(
  server: Pick<TestServer, "url">,
  uri: string,
  options: MlflowOptions = {},
): Promise<EkibenError> {
  const error = await open(server, uri, options)
    .load({ name: "iris" })
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  if (!(error instanceof EkibenError)) throw new Error(`No error of ekiben: ${inspect(error)}`);
  return error;
}

/** A server that answers a path in its own way as long as it is asked to. */
function intercepting(
  pattern: RegExp,
  intercept: NonNullable<ServerOptions["intercept"]>,
  times = Infinity,
): ServerOptions {
  let left = times;
  return {
    intercept: (seen, response) =>
      pattern.test(`${seen.method} ${seen.path}`) && left-- > 0 ? intercept(seen, response) : false,
  };
}

const MODEL_FILE = /^GET .*artifacts\/.*\/model\.onnx$/;

describe("a name that is not there", () => {
  it.each([
    ["models:/iris-xbg/1", /no model "iris-xbg".*Did you mean "iris-xgb"/],
    ["models:/nope/latest", /no model "nope".*It has "iris-xgb"/],
    ["models:/iris-xgb/99", /has no version 99.*newest are 3, 2 \(Production\), 1 \(Archived\)/],
    ["models:/iris-xgb/Staging", /no version in stage Staging.*aliases "champion"/],
    ["models:/iris-xgb/Live", /"Live" is no stage.*models:\/iris-xgb@Live/],
    ["models:/iris-xgb@nope", /has no alias "nope".*aliases "champion", "old-one"/],
    ["models:/nope@nope", /no model "nope"/],
    ["runs:/ffff/model", /no run ffff/],
  ])("%s is explained with what there is", async (uri, message) => {
    await using server = await createMlflowServer();
    const error = await fail(server, uri);
    expect(error.message).toMatch(message);
    expect(error.code).toBe("MODEL_NOT_FOUND");
  });

  it("and a path of a run without a model are told from broken servers", async () => {
    for (const generation of [2, 3] as const) {
      await using server = await createMlflowServer({ generation });
      const error = await fail(server, `runs:/${server.versions[0]!.run_id}/nope`);
      expect(error).toMatchObject({ code: "MODEL_NOT_FOUND" });
      expect(error.message).toMatch(/no file MLmodel is there/);
    }
  });

  it.each([
    ["models:/iris-xgb", /names no version/],
    ["models:/iris-xgb/3/model.xgb", /goes on after the version/],
    ["models://profile@databricks/x/1", /inside of the address/],
    ["models:/@champion", /a part of it is empty/],
    ["runs:/abc", /needs a run and a path/],
    ["runs:/abc/../../etc", /leads elsewhere/],
    ["s3://bucket/model", /"s3:" is no address of a model/],
    ["", /is empty/],
  ])("%j is no address", async (uri, message) => {
    await using server = await createMlflowServer();
    const error = await fail(server, uri);
    expect(error).toMatchObject({ code: "SERVICE_INVALID" });
    expect(error.message).toMatch(message);
    expect(server.seen).toEqual([]);
  });
});

describe("a model that only Python can read", () => {
  it.each([
    ["models:/iris-sklearn/1", /sklearn.*skl2onnx\.to_onnx\(model, X\[:1\].*artifact_path="model"/],
    ["models:/iris-torch/1", /torch\.onnx\.export/],
    ["models:/iris-lgb/2", /pickle \(model\.pkl\).*mlflow\.lightgbm\.log_model\(model\.booster_/],
    ["models:/echo-pyfunc/1", /Python function calls.*mlflow\.onnx\.log_model/],
    ["models:/iris-xgb/1", /old binary format.*model_format="ubj"/],
  ])("%s is refused with the line that logs it otherwise", async (uri, message) => {
    await using server = await createMlflowServer();
    const error = await fail(server, uri);
    expect(error).toMatchObject({ code: "MODEL_FLAVOR_UNSUPPORTED" });
    expect(error.message).toMatch(message);
    expect(server.log().filter((line) => line.endsWith(".pkl"))).toEqual([]);
  });

  it("and a flavor that it does not have are refused", async () => {
    await using server = await createMlflowServer();
    const error = await fail(server, "models:/iris-xgb/2", { flavor: "onnx" });
    expect(error.message).toMatch(/no flavor onnx, it has python_function, xgboost/);
  });
});

describe("credentials", () => {
  const SECRET = "s3cret-t0ken-9";

  it("go along, as a user with a password or as a token", async () => {
    const basic = `Basic ${Buffer.from(`ada:${SECRET}`).toString("base64")}`;
    for (const [authorization, credentials] of [
      [basic, { username: "ada", password: SECRET }],
      [`Bearer ${SECRET}`, { token: SECRET }],
    ] as const) {
      await using server = await createMlflowServer({ authorization });
      const model = await open(server, "models:/iris-onnx/1", {
        credentials: () => credentials,
      }).load({ name: "iris" });
      await model.release();
    }
  });

  it("in the address are taken out of it", async () => {
    const authorization = `Basic ${Buffer.from(`ada:${SECRET}`).toString("base64")}`;
    await using server = await createMlflowServer({ authorization });
    const url = server.url.replace("//", `//ada:${SECRET}@`);
    const cache = makeCache();
    const files = await open({ url }, "models:/iris-onnx/1", { cache }).files();
    const texts = files.map(({ source }) => readFileSync(source, "latin1"));
    expect(texts.join("\n")).not.toContain(SECRET);
    expect(texts.join("\n")).toContain(server.url);
    expect(readAll(cache)).not.toContain(SECRET);
  });

  it("are asked for when there are none, and never shown when they are wrong", async () => {
    await using server = await createMlflowServer({ authorization: "Bearer other" });
    expect((await fail(server, "models:/iris-onnx/1")).message).toMatch(
      /asks for credentials, and none are set.*MLFLOW_TRACKING_USERNAME/,
    );
    const error = await fail(server, "models:/iris-onnx/1", {
      credentials: () => ({ token: SECRET }),
    });
    expect(error).toMatchObject({ code: "REGISTRY_REFUSED" });
    expect(error.message).toMatch(/does not accept the token/);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(SECRET);
  });

  it("that a server repeats are taken out of its words", async () => {
    await using server = await createMlflowServer(
      intercepting(/./, (seen, response) => {
        response.writeHead(400, { "content-type": "text/html" });
        response.end(`<p>bad header: ${seen.headers.authorization}</p>`);
        return true;
      }),
    );
    for (const credentials of [{ token: SECRET }, { username: "ada", password: SECRET }]) {
      const error = await fail(server, "models:/iris-onnx/1", { credentials: () => credentials });
      const shown = inspect(error, { depth: 20, showHidden: true });
      expect(shown).toContain("bad header");
      expect(shown).not.toContain(SECRET);
      expect(shown).not.toContain(Buffer.from(`ada:${SECRET}`).toString("base64"));
    }
  });

  it("do not follow a redirect to another server", async () => {
    await using other = await createMlflowServer();
    for (const path of [/model-versions\/get$/, MODEL_FILE]) {
      await using server = await createMlflowServer(
        intercepting(path, (seen, response) => {
          response.writeHead(302, { location: `${other.url}${seen.path}?${seen.query}` }).end();
          return true;
        }),
      );
      await open(server, "models:/iris-onnx/1", { credentials: () => ({ token: SECRET }) })
        .load({ name: "iris" })
        .then((model) => model.release())
        .catch((error: unknown) => {
          expect(error).toMatchObject({ code: "REGISTRY_UNREACHABLE" });
          expect((error as Error).message).toContain(`a redirect to ${other.url}`);
        });
    }
    // The file itself may lie elsewhere, behind a signed address; the rest may not.
    expect(other.seen.map(({ path }) => path.split("/").at(-1))).toEqual(["model.onnx"]);
    expect(other.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it("are not sent to a server that a registry names", async () => {
    await using other = await createMlflowServer();
    await using server = await createMlflowServer({
      authorization: `Bearer ${SECRET}`,
      storage: `mlflow-artifacts://${new URL(other.url).host}`,
    });
    const model = await open(server, "models:/iris-onnx/1", {
      credentials: () => ({ token: SECRET }),
    }).load({ name: "iris" });
    await model.release();
    expect(other.seen.length).toBeGreaterThan(1);
    expect(other.seen.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });
});

describe("a server that does not do as MLflow does", () => {
  it.each([
    ["a login page", 200, "text/html", "<html><title>Sign in</title><form>", /Sign in/],
    ["other JSON", 200, "application/json", '["a"]', /not as MLflow does/],
    ["JSON of another shape", 200, "application/json", '{"ok":true}', /otherwise than MLflow does/],
    ["an unknown route", 404, "text/html", "<title>404 Not Found</title>", /with 404/],
    ["permission denied", 403, "text/html", "Permission denied", /does not allow/],
    [
      "a foreign host",
      403,
      "text/plain",
      "Invalid Host header - possible DNS rebinding attack detected",
      /--allowed-hosts 127\.0\.0\.1/,
    ],
    ["an error page", 500, "text/html", "<title>500 Internal Server Error</title>", /with 500/],
  ])("%s is told as what it is, once", async (_, status, type, text, message) => {
    await using server = await createMlflowServer(
      intercepting(/./, (_, response) => {
        response.writeHead(status, { "content-type": type }).end(text);
        return true;
      }),
    );
    const error = await fail(server, "models:/iris-onnx/1");
    expect(error.code).toMatch(/^REGISTRY_/);
    expect(error.message).toMatch(message);
    expect(error.message.length).toBeLessThan(600);
    expect(server.seen).toHaveLength(1);
  });

  it("is asked again when it is busy, and answers then", async () => {
    await using server = await createMlflowServer(
      intercepting(
        /model-versions\/get$/,
        (_, response) => {
          response.writeHead(503, { "retry-after": "0" }).end("busy");
          return true;
        },
        2,
      ),
    );
    const model = await open(server, "models:/iris-onnx/1").load({ name: "iris" });
    await model.release();
    expect(server.log().filter((line) => line.endsWith("model-versions/get"))).toHaveLength(3);
  });

  it("is given up when it stays busy", async () => {
    await using server = await createMlflowServer(
      intercepting(/./, (_, response) => {
        response.writeHead(502).end("<title>Bad Gateway</title>");
        return true;
      }),
    );
    const error = await fail(server, "models:/iris-onnx/1");
    expect(error).toMatchObject({ code: "REGISTRY_UNREACHABLE" });
    expect(error.message).toContain("Bad Gateway");
    expect(server.seen).toHaveLength(3);
  });

  it("is not waited for longer than the limit", async () => {
    await using server = await createMlflowServer({ intercept: () => new Promise(() => {}) });
    const error = await fail(server, "models:/iris-onnx/1", { timeoutMs: 100 });
    expect(error).toMatchObject({ code: "REGISTRY_UNREACHABLE" });
  });

  it("is told from a port where nothing listens, and from no address at all", async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => probe.once("listening", resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const error = await fail({ url: `http://127.0.0.1:${port}` }, "models:/iris-onnx/1");
    expect(error.message).toContain("nothing listens there");
    for (const [url, message] of [
      ["sqlite:///mlflow.db", /names a database \(sqlite:\).*mlflow server/],
      ["./mlruns", /names a folder.*--backend-store-uri "\.\/mlruns"/],
      ["databricks", /names a folder|kind databricks/],
      ["mysql://ada:s3cret@db/mlflow", /database \(mysql:\)/],
    ] as const) {
      const refused = await fail({ url }, "models:/iris-onnx/1");
      expect(refused).toMatchObject({ code: "REGISTRY_UNREACHABLE" });
      expect(refused.message).toMatch(message);
      expect(refused.message).not.toContain("s3cret");
    }
  });
});

describe("a download that breaks off", () => {
  const bytes = Buffer.from("only a part");

  it.each([
    [
      "with the connection",
      (_: unknown, response: any) => {
        response.writeHead(200).write(bytes);
        setTimeout(() => response.destroy(), 10);
        return true;
      },
    ],
    [
      "as if it were the whole file",
      (_: unknown, response: any) => {
        response.writeHead(200).end(bytes);
        return true;
      },
    ],
  ])("%s is tried again from its beginning", async (_, intercept) => {
    await using server = await createMlflowServer(intercepting(MODEL_FILE, intercept, 2));
    const model = await open(server, "models:/iris-onnx/1").load({ name: "iris" });
    await model.release();
    const asked = server.seen.filter(({ path }) => path.endsWith("/model.onnx"));
    expect(asked).toHaveLength(3);
    expect(asked.every(({ headers }) => headers.range === undefined)).toBe(true);

    await using broken = await createMlflowServer(intercepting(MODEL_FILE, intercept));
    const cache = makeCache();
    const error = await fail(broken, "models:/iris-onnx/1", { cache });
    expect(error).toMatchObject({ code: "REGISTRY_UNREACHABLE" });
    expect(error.message).toMatch(/model\.onnx of the model broke off after 11 of \d+ bytes/);
    expect(readdirSync(cache)).toEqual([]);
  });

  it("because the server is gone leaves nothing behind", async () => {
    const server = await createMlflowServer(
      intercepting(MODEL_FILE, (_, response) => {
        response.writeHead(200).write(bytes);
        setTimeout(() => void server.stop(), 10);
        return true;
      }),
    );
    onTestFinished(() => server.stop());
    const cache = makeCache();
    const error = await fail(server, "models:/iris-onnx/1", { cache });
    expect(error).toMatchObject({ code: "REGISTRY_UNREACHABLE" });
    expect(readdirSync(cache)).toEqual([]);
  });

  it("because nothing comes any more ends at the limit", async () => {
    await using server = await createMlflowServer(
      intercepting(MODEL_FILE, (_, response) => {
        response.writeHead(200).write(bytes);
        return true;
      }),
    );
    const error = await fail(server, "models:/iris-onnx/1", { timeoutMs: 100 });
    expect(error.message).toMatch(/broke off after 11 of/);
  });

  it("and one that is longer than listed, or larger than allowed, is stopped", async () => {
    let written = 0;
    await using server = await createMlflowServer(
      intercepting(MODEL_FILE, async (_, response) => {
        response.writeHead(200);
        const chunk = Buffer.alloc(65_536);
        while (!response.destroyed && written < 64 * 1024 * 1024) {
          written += chunk.byteLength;
          if (response.write(chunk)) continue;
          await Promise.race([once(response, "drain"), once(response, "close")]);
        }
        response.end();
        return true;
      }),
    );
    const error = await fail(server, "models:/iris-onnx/1");
    expect(error.message).toMatch(/has more than the \d+ bytes that the server lists/);
    expect(written).toBeLessThan(32 * 1024 * 1024);
    await using honest = await createMlflowServer();
    expect((await fail(honest, "models:/iris-onnx/1", { maxBytes: 100 })).message).toMatch(
      /more than 100 bytes together/,
    );
  });
});

function readAll(folder: string): string {
  return readdirSync(folder)
    .map((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? readAll(path) : readFileSync(path, "latin1");
    })
    .join("\n");
}
