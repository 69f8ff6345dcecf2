import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { usesProc } from "./usage.js";

const TELL_CPU = new URL("servers/tell-cpu.js", import.meta.url).href;
const LOAD = fileURLToPath(new URL("load/process.js", import.meta.url));

const started = new Set();

/** Ends what is still there; for the end of the run, however it came. */
export function endAll() {
  for (const child of started) child.kill("SIGKILL");
}

/** @param {import("node:child_process").ChildProcess} child */
function own(child) {
  started.add(child);
  child.once("exit", () => started.delete(child));
  return child;
}

/** A port that is free now. */
export async function findPort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  return port;
}

/**
 * @typedef {object} ServerRecipe
 * @property {string} name
 * @property {(port: number) => string[]} command arguments of Node
 * @property {string} [cwd]
 * @property {Record<string, string>} [env]
 * @property {{ method?: string, path: string, body?: string }} probe what is asked until it answers 200
 * @property {(status: number, text: string) => boolean} [isRight]
 */

/**
 * Starts a server and waits for its first 200.
 * @param {ServerRecipe} recipe
 */
export async function startServer(recipe) {
  const port = await findPort();
  const flags = usesProc ? [] : ["--import", TELL_CPU];
  const began = performance.now();
  const child = own(
    spawn(process.execPath, [...flags, ...recipe.command(port)], {
      cwd: recipe.cwd,
      env: { ...process.env, NODE_ENV: "production", ...recipe.env },
      stdio: ["ignore", "pipe", "pipe", ...(usesProc ? [] : [/** @type {const} */ ("ipc")])],
    }),
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => (output = (output + chunk).slice(-4000)));
  }
  const failure = (what) => new Error(`${recipe.name} ${what}. It wrote:\n${output}`);
  const deadline = began + 30_000;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw failure("ended too early");
    const status = await ask(port, recipe.probe);
    if (status === 200) break;
    if (status >= 400 && status !== 503) {
      await stop(child);
      throw failure(`answered ${status} to its first request`);
    }
    if (performance.now() > deadline) {
      await stop(child);
      throw failure("did not answer within 30 s");
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return {
    name: recipe.name,
    port,
    child,
    pid: /** @type {number} */ (child.pid),
    startMs: performance.now() - began,
    stop: () => stop(child),
  };
}

/** The status of an answer, 0 without one. @returns {Promise<number>} */
function ask(port, { method = "POST", path, body }) {
  return new Promise((resolve) => {
    const sent = request(
      {
        port,
        host: "127.0.0.1",
        method,
        path,
        agent: false,
        headers: { "content-type": "application/json", connection: "close" },
      },
      (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode ?? 0));
        response.once("error", () => resolve(0));
      },
    );
    sent.setTimeout(5000, () => sent.destroy());
    sent.once("error", () => resolve(0));
    sent.end(body);
  });
}

/** @param {import("node:child_process").ChildProcess} child */
async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const limit = setTimeout(() => child.kill("SIGKILL"), 3000);
  await gone;
  clearTimeout(limit);
}

/** Runs a program to its end. @returns {Promise<{ ms: number, output: string }>} */
export async function run(command, args, { cwd, env, limitMs }) {
  const began = performance.now();
  const child = own(
    spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => (output += chunk));
  const limit = setTimeout(() => child.kill("SIGKILL"), limitMs);
  const [code] = await once(child, "close");
  clearTimeout(limit);
  if (code !== 0) {
    throw new Error(`${[command, ...args].join(" ")} ended with ${code}:\n${output.slice(-4000)}`);
  }
  return { ms: performance.now() - began, output };
}

/** The load generator in its own process. */
export function startLoad() {
  const child = own(fork(LOAD, { stdio: ["ignore", "inherit", "inherit", "ipc"] }));
  return {
    stop: () => stop(child),
    /**
     * @param {{ kind: "closed" | "open", path: string, bodies: (string | { base64: string })[], mediaType?: string, options: any }} order
     * @param {(event: "began" | "ended") => void} [tell]
     */
    async run(order, tell) {
      const limitMs = order.options.settleMs + order.options.durationMs + 20_000;
      return await new Promise((resolve, reject) => {
        const timer = setTimeout(() => done(reject, new Error("The load did not end.")), limitMs);
        const gone = () => done(reject, new Error("The load generator ended."));
        const listen = (message) => {
          if (message.event !== undefined) tell?.(message.event);
          else if (message.error !== undefined) done(reject, new Error(message.error));
          else done(resolve, message.result);
        };
        const done = (settle, value) => {
          clearTimeout(timer);
          child.off("message", listen).off("exit", gone);
          settle(value);
        };
        child.on("message", listen).once("exit", gone);
        child.send(order);
      });
    },
  };
}
