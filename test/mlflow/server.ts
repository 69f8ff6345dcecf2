import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const FIXTURES = fileURLToPath(new URL("../fixtures/mlflow", import.meta.url));

/** A request as the server saw it. */
export interface Seen {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage["headers"];
  body: Buffer;
}

export interface ServerOptions {
  /** Which MLflow it answers like. @default 2 */
  generation?: 2 | 3;
  /** `Basic …` or `Bearer …`; anything else is answered with 401. */
  authorization?: string;
  /** Whether artifacts go through the server. @default true */
  proxy?: boolean;
  /** Answers in place of MLflow, and says so. */
  intercept?(seen: Seen, response: ServerResponse): boolean | Promise<boolean>;
  /** Speaks TLS with a certificate that nobody has signed. @default false */
  tls?: boolean;
  /** Where the files of models are said to be stored. @default "mlflow-artifacts:" */
  storage?: string;
}

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly seen: Seen[];
  /** The requests as a log has them. */
  log(): string[];
  /** Files by their path below the root of the storage. */
  readonly files: Map<string, Buffer>;
  /** Versions of models, to be changed by tests. */
  readonly versions: Version[];
  aliases: Record<string, Record<string, string>>;
  stop(): Promise<void>;
}

export interface Version {
  name: string;
  version: string;
  current_stage: string;
  run_id: string;
  model_id?: string;
  description: string;
  last_updated_timestamp: number;
  creation_timestamp: number;
  source: string;
  status: string;
  run_link: string;
  tags?: { key: string; value: string }[];
}

const MODELS: [name: string, version: string, stage: string, folder: string][] = [
  ["iris-xgb", "1", "Archived", "iris-xgb-v1"],
  ["iris-xgb", "2", "Production", "iris-xgb-v2"],
  ["iris-xgb", "3", "None", "iris-xgb-v3"],
  ["iris-lgb", "1", "None", "iris-lgb-v1"],
  ["iris-lgb", "2", "None", "iris-lgb-v2"],
  ["iris-onnx", "1", "None", "iris-onnx-v1"],
  ["iris-sklearn", "1", "None", "iris-sklearn-v1"],
  ["iris-torch", "1", "None", "iris-torch-v1"],
  ["diabetes-sklearn", "1", "None", "diabetes-sklearn-v1"],
  ["echo-pyfunc", "1", "None", "echo-pyfunc-v1"],
];

/** A server that answers as MLflow 2.22 and 3.5 do, on a free port of this machine. */
export async function createMlflowServer(options: ServerOptions = {}): Promise<TestServer> {
  const { generation = 2, storage = "mlflow-artifacts:", proxy = true } = options;
  const seen: Seen[] = [];
  const files = new Map<string, Buffer>();
  const versions: Version[] = [];
  const aliases: TestServer["aliases"] = { "iris-xgb": { champion: "3", "old-one": "1" } };
  const runs = new Map<string, { experiment: string; status: string; modelId?: string }>();
  const experiments = new Map<string, string>([["Default", "0"]]);
  const registered = new Set<string>();

  MODELS.forEach(([name, version, stage, folder], at) => {
    const run_id = (at + 1).toString(16).padStart(32, "a");
    const model_id = `m-${(at + 1).toString(16).padStart(32, "0")}`;
    const directory = [`mlflow-${generation === 2 ? "2.22" : "3.5"}`, "mlflow-2.22"]
      .map((one) => join(FIXTURES, one, folder))
      .find((one) => statSync(one, { throwIfNoEntry: false }) !== undefined)!;
    const root =
      generation === 2 ? `1/${run_id}/artifacts/model` : `1/models/${model_id}/artifacts`;
    for (const file of listFiles(directory)) {
      // The client of Python writes that one, and it is not on the server.
      if (file === "registered_model_meta") continue;
      files.set(`${root}/${file}`, readFileSync(join(directory, file)));
    }
    runs.set(run_id, {
      experiment: "1",
      status: "FINISHED",
      ...(generation === 3 ? { modelId: model_id } : {}),
    });
    registered.add(name);
    versions.push({
      name,
      version,
      creation_timestamp: 1795364610000 + at,
      last_updated_timestamp: 1795364610000 + (stage === "None" ? at : 1000 - at),
      current_stage: stage,
      description: "",
      source: generation === 2 ? `${storage}/${root}` : `models:/${model_id}`,
      run_id,
      status: "READY",
      run_link: "",
      ...(generation === 3 ? { model_id } : {}),
    });
  });

  function find(name: string | null, version: string | null): Version | undefined {
    return versions.find((one) => one.name === name && one.version === version);
  }

  function withAliases(one: Version): object {
    const { model_id: _, ...rest } = one;
    const own = Object.entries(aliases[one.name] ?? {})
      .filter(([, version]) => version === one.version)
      .map(([alias]) => alias);
    return own.length === 0 ? rest : { ...rest, aliases: own };
  }

  /** What a search tells: no aliases, and no id of a logged model. */
  function plain(one: Version): object {
    const { model_id: _, ...rest } = one;
    return rest;
  }

  function rootOf(one: Version): string {
    return one.model_id === undefined
      ? one.source.slice(storage.length + 1)
      : `1/models/${one.model_id}/artifacts`;
  }

  function latest(name: string, stages?: string[]): Version[] {
    const wanted = stages?.map((stage) => stage.toLowerCase());
    const byStage = new Map<string, Version>();
    for (const one of versions) {
      if (one.name !== name) continue;
      if (wanted !== undefined && !wanted.includes(one.current_stage.toLowerCase())) continue;
      const other = byStage.get(one.current_stage);
      if (other === undefined || Number(other.version) < Number(one.version)) {
        byStage.set(one.current_stage, one);
      }
    }
    return [...byStage.values()];
  }

  /** One level below a path. */
  function list(root: string): { path: string; is_dir: boolean; file_size?: number }[] {
    const found = new Map<string, { path: string; is_dir: boolean; file_size?: number }>();
    for (const [path, data] of files) {
      if (!path.startsWith(`${root}/`)) continue;
      const [name, ...more] = path.slice(root.length + 1).split("/");
      if (more.length > 0) found.set(name!, { path: name!, is_dir: true });
      else {
        const size = data.byteLength === 0 ? {} : { file_size: data.byteLength };
        found.set(name!, { path: name!, is_dir: false, ...size });
      }
    }
    return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  function answer(asked: Seen, response: ServerResponse): void {
    const { method, path, query } = asked;
    const json = (value: object, status = 200): void => {
      response.writeHead(status, {
        "content-type": "application/json",
        ...(generation === 2 ? { connection: "close" } : {}),
      });
      response.end(JSON.stringify(value));
    };
    const refuse = (status: number, error_code: string, message: string): void =>
      json({ error_code, message }, status);
    const missing = (message: string): void => refuse(404, "RESOURCE_DOES_NOT_EXIST", message);
    const html = (status: number, text: string, headers = {}): void => {
      response.writeHead(status, { "content-type": "text/html; charset=utf-8", ...headers });
      response.end(text);
    };
    const file = (data: Buffer | undefined, chunked: boolean): void => {
      if (data === undefined) {
        return refuse(
          500,
          "INTERNAL_ERROR",
          "The following failures occurred: [Errno 2] No such file or directory: '/srv/x'",
        );
      }
      response.writeHead(200, {
        "content-type": "application/octet-stream",
        "content-disposition": "attachment; filename=a file",
        "x-content-type-options": "nosniff",
        ...(chunked ? {} : { "content-length": data.byteLength }),
      });
      if (chunked) response.write(data.subarray(0, data.byteLength >> 1));
      response.end(chunked ? data.subarray(data.byteLength >> 1) : data);
    };
    const body = (): Record<string, any> => {
      try {
        return JSON.parse(asked.body.toString() || "{}") as Record<string, any>;
      } catch {
        return {};
      }
    };

    if (options.authorization !== undefined && path !== "/health") {
      if (asked.headers.authorization !== options.authorization) {
        return html(
          401,
          "You are not authenticated. Please see https://www.mlflow.org/docs/latest/auth/index.html#authenticating-to-mlflow on how to authenticate.",
          { "www-authenticate": 'Basic realm="mlflow"' },
        );
      }
    }
    const api = path.replace(/^\/api\/2\.0\/mlflow\//, "");
    switch (`${method} ${api}`) {
      case "POST registered-models/get-latest-versions": {
        const { name, stages } = body() as { name: string; stages?: string[] };
        if (!registered.has(name)) return missing(`Registered Model with name=${name} not found`);
        for (const stage of stages ?? []) {
          if (!/^(none|staging|production|archived)$/i.test(stage)) {
            return refuse(
              400,
              "INVALID_PARAMETER_VALUE",
              `Invalid Model Version stage: ${stage}. Value must be one of None, Staging, Production, Archived.`,
            );
          }
        }
        const found = latest(name, stages);
        return json(found.length === 0 ? {} : { model_versions: found.map(withAliases) });
      }
      case "GET registered-models/get": {
        const name = query.get("name")!;
        if (!registered.has(name)) return missing(`Registered Model with name=${name} not found`);
        const own = Object.entries(aliases[name] ?? {});
        return json({
          registered_model: {
            name,
            creation_timestamp: 1,
            last_updated_timestamp: 2,
            latest_versions: latest(name).map(plain),
            ...(own.length === 0
              ? {}
              : { aliases: own.map(([alias, version]) => ({ alias, version })) }),
          },
        });
      }
      case "GET registered-models/alias": {
        const [name, alias] = [query.get("name")!, query.get("alias")!];
        const version = aliases[name]?.[alias];
        if (version === undefined) {
          return refuse(
            400,
            "INVALID_PARAMETER_VALUE",
            `Registered model alias ${alias} not found.`,
          );
        }
        return json({ model_version: withAliases(find(name, version)!) });
      }
      case "GET registered-models/search":
        return json({ registered_models: [...registered].map((name) => ({ name })) });
      case "POST registered-models/create": {
        const { name } = body() as { name: string };
        if (registered.has(name)) {
          return refuse(
            400,
            "RESOURCE_ALREADY_EXISTS",
            `Registered Model (name=${name}) already exists.`,
          );
        }
        registered.add(name);
        return json({ registered_model: { name, creation_timestamp: 1 } });
      }
      case "GET model-versions/get": {
        const found = find(query.get("name"), query.get("version"));
        if (found !== undefined) return json({ model_version: withAliases(found) });
        return missing(
          `Model Version (name=${query.get("name")}, version=${query.get("version")}) not found`,
        );
      }
      case "GET model-versions/get-download-uri": {
        const found = find(query.get("name"), query.get("version"));
        if (found === undefined) return missing("Model Version not found");
        return json({
          artifact_uri: found.model_id === undefined ? found.source : `${storage}/${rootOf(found)}`,
        });
      }
      case "GET model-versions/search": {
        // `filter_string` is ignored, as any parameter that MLflow does not know.
        const filter = query.get("filter") ?? "";
        const name = /name\s*=\s*(?:'([^']*)'|"([^"]*)")/.exec(filter);
        if (/name\s*=\s*'[^']*'[^\s]/.test(filter)) {
          return refuse(400, "INVALID_PARAMETER_VALUE", "Invalid clause(s) in filter string");
        }
        const runId = /run_id\s*=\s*'([^']*)'/.exec(filter)?.[1];
        const found = versions
          .filter((one) => name === null || one.name === (name[1] ?? name[2]))
          .filter((one) => runId === undefined || one.run_id === runId)
          .sort((a, b) => b.last_updated_timestamp - a.last_updated_timestamp);
        const size = Number(query.get("max_results") ?? 10_000);
        const from = Number(Buffer.from(query.get("page_token") ?? "", "base64").toString() || "0");
        const page = found.slice(from, from + size);
        if (page.length === 0) return json({});
        return json({
          model_versions: page.map(plain),
          ...(from + size < found.length
            ? { next_page_token: Buffer.from(String(from + size).padStart(4)).toString("base64") }
            : {}),
        });
      }
      case "POST model-versions/create": {
        const { name, source, run_id = "", tags } = body() as any;
        if (!registered.has(name)) return missing(`Registered Model with name=${name} not found`);
        const highest = versions
          .filter((one) => one.name === name)
          .reduce((most, one) => Math.max(most, Number(one.version)), 0);
        const made: Version = {
          name,
          version: String(highest + 1),
          creation_timestamp: 5,
          last_updated_timestamp: 5,
          current_stage: "None",
          description: "",
          source,
          run_id,
          status: "READY",
          run_link: "",
          ...(tags === undefined ? {} : { tags }),
        };
        versions.push(made);
        return json({ model_version: made });
      }
      case "GET runs/get": {
        const id = query.get("run_id")!;
        const run = runs.get(id);
        if (run === undefined) return missing(`Run with id=${id} not found`);
        return json({ run: toRun(id, run) });
      }
      case "POST runs/create": {
        const id = `c${runs.size.toString(16).padStart(31, "0")}`;
        const run = { experiment: String(body()["experiment_id"]), status: "RUNNING" };
        runs.set(id, run);
        return json({ run: toRun(id, run) });
      }
      case "POST runs/update": {
        const { run_id, status } = body() as any;
        const run = runs.get(run_id);
        if (run === undefined) return missing(`Run with id=${run_id} not found`);
        run.status = status;
        return json({ run_info: toRun(run_id, run).info });
      }
      case "POST runs/set-tag":
        return json({});
      case "GET experiments/get-by-name": {
        const name = query.get("experiment_name")!;
        const id = experiments.get(name);
        if (id === undefined) return missing(`Could not find experiment with name '${name}'`);
        return json({ experiment: { experiment_id: id, name, lifecycle_stage: "active" } });
      }
      case "POST experiments/create": {
        const id = String(experiments.size + 1);
        experiments.set(body()["name"] as string, id);
        return json({ experiment_id: id });
      }
      case "GET artifacts/list": {
        const root = `1/${query.get("run_id")}/artifacts`;
        const path = query.get("path");
        const found = list(path === null ? root : `${root}/${path}`);
        const paths = found.map((one) => ({
          ...one,
          path: path === null ? one.path : `${path}/${one.path}`,
        }));
        return json({
          root_uri: `${storage}/${root}`,
          ...(paths.length === 0 ? {} : { files: paths }),
        });
      }
    }

    const proxied = /^\/api\/2\.0\/mlflow-artifacts\/artifacts(?:\/(.*))?$/.exec(path);
    if (proxied !== null) {
      if (!proxy) {
        return html(
          503,
          "Endpoint: /api/2.0/mlflow-artifacts/artifacts disabled due to the mlflow server running with `--no-serve-artifacts`. To enable artifacts server functionality, run `mlflow server` with `--serve-artifacts`",
        );
      }
      if (method === "PUT") {
        files.set(decodeURIComponent(proxied[1]!), asked.body);
        return json({});
      }
      if (proxied[1] === undefined) {
        const found = list(query.get("path") ?? "");
        return json(found.length === 0 ? {} : { files: found });
      }
      const name = decodeURIComponent(proxied[1]);
      if (/[^\x20-\x7e]/.test(name)) {
        if (generation === 3) return html(500, "Internal Server Error");
        return void response.destroy();
      }
      return file(files.get(name), true);
    }
    if (method === "GET" && path === "/model-versions/get-artifact") {
      const found = find(query.get("name"), query.get("version"));
      if (found === undefined) return missing("Model Version not found");
      const data = files.get(`${rootOf(found)}/${query.get("path")}`);
      if (data !== undefined) return file(data, false);
      return html(500, "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>");
    }
    if (method === "GET" && path === "/get-artifact") {
      return file(files.get(`1/${query.get("run_id")}/artifacts/${query.get("path")}`), false);
    }
    const logged =
      generation === 3
        ? /^\/(?:ajax-)?api\/2\.0\/mlflow\/logged-models\/([^/]+)(\/.*)?$/.exec(path)
        : null;
    if (logged !== null) {
      const [, id, rest] = logged;
      const root = `1/models/${id}/artifacts`;
      const known = versions.find((one) => one.model_id === id);
      const info = (one: Version): object => ({
        model_id: one.model_id,
        experiment_id: "1",
        name: "model",
        creation_timestamp_ms: one.creation_timestamp,
        artifact_uri: `${storage}/1/models/${one.model_id}/artifacts`,
        status: "LOGGED_MODEL_READY",
        source_run_id: one.run_id,
      });
      if (id === "search") {
        const wanted = /name = '([^']*)'/.exec(body()["filter"] as string)?.[1];
        if (wanted !== "model") return json({});
        return json({ models: versions.map((one) => ({ info: info(one), data: {} })) });
      }
      if (known === undefined) return missing(`Logged model with ID '${id}' not found.`);
      if (rest === undefined) return json({ model: { info: info(known), data: {} } });
      if (rest === "/artifacts/directories") {
        const below = query.get("artifact_directory_path");
        const found = list(below === null ? root : `${root}/${below}`);
        const paths = found.map((one) => ({
          ...one,
          path: below === null ? one.path : `${below}/${one.path}`,
        }));
        return json({
          root_uri: `${storage}/${root}`,
          ...(paths.length === 0 ? {} : { files: paths }),
        });
      }
      return file(files.get(`${root}/${query.get("artifact_file_path")}`), false);
    }
    html(
      404,
      "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>The requested URL was not found on the server.</p>",
    );
  }

  function toRun(
    id: string,
    run: { experiment: string; status: string; modelId?: string },
  ): { info: object } {
    return {
      info: {
        run_uuid: id,
        experiment_id: run.experiment,
        run_name: "train",
        user_id: "root",
        status: run.status,
        start_time: 1795364609779,
        artifact_uri: `${storage}/${run.experiment}/${id}/artifacts`,
        lifecycle_stage: "active",
        run_id: id,
      },
      data: {},
      inputs: {},
      ...(run.modelId === undefined
        ? {}
        : { outputs: { model_outputs: [{ model_id: run.modelId, step: 0 }] } }),
    } as { info: object };
  }

  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url!, "http://localhost");
      const asked: Seen = {
        method: request.method!,
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: Buffer.concat(chunks),
      };
      seen.push(asked);
      void Promise.resolve(options.intercept?.(asked, response) ?? false).then((done) => {
        if (!done) answer(asked, response);
      });
    });
  };
  const tls = join(FIXTURES, "tls");
  const server = options.tls
    ? createTlsServer(
        { key: readFileSync(join(tls, "key.pem")), cert: readFileSync(join(tls, "cert.pem")) },
        serve,
      )
    : createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return {
    url: `http${options.tls ? "s" : ""}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    files,
    versions,
    aliases,
    log: () => seen.map(({ method, path }) => `${method} ${path.replace("/api/2.0", "")}`),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function listFiles(directory: string, prefix = ""): string[] {
  return readdirSync(join(directory, prefix)).flatMap((name) => {
    const path = prefix === "" ? name : `${prefix}/${name}`;
    return statSync(join(directory, path)).isDirectory() ? listFiles(directory, path) : [path];
  });
}
