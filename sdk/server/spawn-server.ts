import { spawn, type ChildProcess } from "node:child_process";
import { tmpdir } from "node:os";
import type { StartedServer } from "../bundle/verify.js";
import { EkibenError, ERROR_CATALOGUE, type ErrorCode } from "../core/errors.js";
import { findEntry } from "./find-entry.js";
import { ALL_SETTINGS, CONFIG_VARIABLE } from "./settings/table.js";
import { SUPERVISED, type ReadyMessage } from "./supervised.js";

export interface SpawnOptions {
  /** Milliseconds until the server must be ready. @default 120_000 */
  timeoutMs?: number;
  /** The compiled command line. @default that of the package that runs */
  main?: string;
  env?: NodeJS.ProcessEnv;
}

const MOST_OUTPUT = 64 * 1024;

/**
 * Serves a bundle in a fresh process, in no folder of the project, and resolves when it is ready.
 * @throws the error of the catalogue that the server ended with; SERVICE_SETUP_FAILED with what it
 * wrote when it ended otherwise or is not ready in time.
 */
export async function spawnServer(
  directory: string,
  options: SpawnOptions = {},
): Promise<StartedServer> {
  const { timeoutMs = 120_000, main = findEntry("cli/main.js"), env = process.env } = options;
  const child = spawn(process.execPath, [main, "serve", directory, "--port", "0"], {
    cwd: tmpdir(),
    env: { ...withoutSettings(env), [SUPERVISED]: "1" },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    windowsHide: true,
  });
  let written = "";
  let errors = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    written = (written + text).slice(-MOST_OUTPUT);
  });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    written = (written + text).slice(-MOST_OUTPUT);
    errors = (errors + text).slice(-MOST_OUTPUT);
  });
  // Not the event "close": it does not come when the channel was closed from this side.
  const ended = new Promise<number | null>((resolve) => {
    const read = [child.stdout!, child.stderr!].map(
      (stream) => new Promise<void>((done) => stream.once("close", done)),
    );
    child.once("exit", (code) => void Promise.all(read).then(() => resolve(code)));
  });

  const url = await new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill("SIGKILL");
      reject(notStarted(`was not ready after ${timeoutMs} ms`, written));
    }, timeoutMs);
    child.on("message", (message: ReadyMessage) => {
      if (message.ekiben !== "ready") return;
      clearTimeout(late);
      resolve(message.address);
    });
    child.once("error", (error) => {
      clearTimeout(late);
      reject(notStarted(`could not be started: ${error.message}`, written));
    });
    void ended.then((code) => {
      clearTimeout(late);
      reject(readError(errors) ?? notStarted(`ended with exit code ${code}`, written));
    });
  });
  return { url, output: () => written, stop: () => stop(child, ended) };
}

/** How the server that this process may be was configured is not how to start another one. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = new Set([CONFIG_VARIABLE, ...ALL_SETTINGS.map(([, setting]) => setting.env)]);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.has(name)));
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  // Works on Windows too, where no signal can ask a process to end in order.
  if (child.connected) child.disconnect();
  const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(late);
}

/** The error as the command line prints it. */
function readError(text: string): EkibenError | undefined {
  const found = /^error ([A-Z_]+): (.*)(?:\n {2}(.*))?$/m.exec(text);
  const code = found?.[1];
  if (code === undefined || !(code in ERROR_CATALOGUE)) return undefined;
  const hint = found?.[3];
  return new EkibenError(code as ErrorCode, {
    detail: found![2]!,
    ...(hint === undefined ? {} : { hint }),
  });
}

function notStarted(what: string, written: string): EkibenError {
  const last = written.trim().split("\n").slice(-20).join("\n");
  return new EkibenError("SERVICE_SETUP_FAILED", {
    detail: `The server of the bundle ${what}.`,
    hint: last === "" ? "It wrote nothing." : `It wrote:\n${last}`,
  });
}
