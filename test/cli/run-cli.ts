import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { cp, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MAIN = resolve("dist/sdk/cli/main.js");

export interface CliOptions {
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  uid?: number;
  /** The most descriptors that the process may have open, where a shell can set that. */
  descriptors?: number;
}

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A folder of its own for a test: a store, and copies of the services. */
export interface CliHome extends AsyncDisposable {
  readonly path: string;
  /** The folder with `words.ts` and `iris.ts`. */
  readonly services: string;
  readonly store: string;
  run(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** Starts `serve` and resolves when it says that it is ready. */
  serve(args: readonly string[], options?: CliOptions): Promise<CliServer>;
  /** Builds a service of `services` and answers its tag. */
  build(file: string, ...args: string[]): Promise<string>;
}

export interface CliServer {
  readonly url: string;
  readonly child: ChildProcess;
  output(): string;
  /** Resolves with the exit code, or the name of the signal that ended it. */
  readonly exited: Promise<number | string>;
  stop(): Promise<number | string>;
}

/** `node`: the binary of Node.js that runs it all. @default the one that runs the tests */
export async function makeHome(node: string = process.execPath): Promise<CliHome> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "ekiben-cli-")));
  await cp("test/fixtures/services", join(path, "services"), { recursive: true });
  await cp("test/fixtures/skl-iris-logreg-nozipmap", join(path, "skl-iris-logreg-nozipmap"), {
    recursive: true,
  });
  // What is imported is found from the services as from a project that has ekiben.
  await cp("node_modules/yaml", join(path, "node_modules/yaml"), { recursive: true });
  const store = join(path, "home");
  const children = new Set<ChildProcess>();

  const start = (args: readonly string[], options: CliOptions) => {
    const { cwd = path, env = {}, uid, descriptors } = options;
    const command = [node, MAIN, ...args];
    const limited = ["sh", "-c", `ulimit -n ${descriptors} && exec "$0" "$@"`, ...command];
    const [file, ...given] = descriptors === undefined ? command : limited;
    const child = spawn(file!, given, {
      cwd,
      env: { ...process.env, PORT: "", HOST: "", EKIBEN_HOME: store, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      ...(uid === undefined ? {} : { uid }),
    });
    children.add(child);
    let stdout = "";
    let stderr = "";
    child.stdout!.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const exited = once(child, "close").then(([code, signal]) => {
      children.delete(child);
      return (code ?? signal) as number | string;
    });
    return { child, exited, stdout: () => stdout, stderr: () => stderr };
  };

  const home: CliHome = {
    path,
    services: join(path, "services"),
    store,
    async run(args, options = {}) {
      const { exited, stdout, stderr } = start(args, options);
      return { code: (await exited) as number, stdout: stdout(), stderr: stderr() };
    },
    async serve(args, options = {}) {
      const { child, exited, stdout, stderr } = start(["serve", ...args], options);
      const output = () => stdout() + stderr();
      const url = await new Promise<string>((resolve, reject) => {
        child.stdout!.on("data", () => {
          const found = /answers on (https?:\/\/[^"\s]+)/.exec(stdout())?.[1];
          if (found !== undefined) resolve(found);
        });
        void exited.then(() => reject(new Error(`serve ended: ${output()}`)));
      });
      const stop = () => {
        child.kill("SIGTERM");
        return exited;
      };
      return { url, child, output, exited, stop };
    },
    async build(file, ...args) {
      const built = await home.run(["build", join("services", file), "--no-verify", ...args]);
      if (built.code !== 0) throw new Error(built.stderr);
      return built.stdout.trim();
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill("SIGKILL");
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
    },
  };
  return home;
}

export async function post(
  url: string,
  body: unknown,
): Promise<{ status: number; body: any; headers: Headers }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json(), headers: response.headers };
}
