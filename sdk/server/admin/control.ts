import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { EkibenError, ERROR_CATALOGUE, type ErrorCode } from "../../core/errors.js";
import { createAdminHandler } from "./admin-handler.js";
import type { Operations } from "./operations.js";

/** A server of this user on this machine, as its file in the folder of running servers tells. */
export interface RunningFile {
  readonly pid: number;
  readonly service: string;
  readonly address: string;
  /** The path of a socket, or the name of a pipe on Windows. */
  readonly control: string;
}

/** What the name of a socket may have on macOS, the shortest of all. */
const MOST_PATH = 100;

/**
 * Lets commands on this machine reach the server: HTTP on a socket that only its user may open, and
 * a file that says where it is. The answer closes both.
 */
export async function openControl(
  directory: string,
  operations: Operations,
): Promise<() => Promise<void>> {
  const { pid } = process;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const control = await chooseControl(directory, pid);
  const server = createServer(createAdminHandler(() => operations, { mayReload: true }));
  // A reload takes as long as models take to load.
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(control, resolve);
  });
  server.unref();
  const file = join(directory, `${pid}.json`);
  const { service, address } = operations;
  const facts: RunningFile = { pid, service, address, control };
  await writeFile(file, `${JSON.stringify(facts)}\n`, { mode: 0o600 });
  return async () => {
    server.close();
    await rm(file, { force: true });
    if (dirname(control) !== directory && process.platform !== "win32") {
      await rm(dirname(control), { recursive: true, force: true });
    }
  };
}

async function chooseControl(directory: string, pid: number): Promise<string> {
  if (process.platform === "win32") {
    return String.raw`\\.\pipe\ekiben-${pid}-${randomBytes(8).toString("hex")}`;
  }
  const inside = join(directory, `${pid}.sock`);
  if (Buffer.byteLength(inside) > MOST_PATH) {
    return join(await mkdtemp(join(tmpdir(), "ekiben-")), "control.sock");
  }
  // Of an earlier process with this id that had no time to remove it.
  await rm(inside, { force: true });
  return inside;
}

/** The servers that run now; files of those that have gone are removed. */
export async function listRunning(directory: string): Promise<RunningFile[]> {
  const names = await readdir(directory).catch(() => []);
  const found: RunningFile[] = [];
  for (const name of names.filter((one) => one.endsWith(".json"))) {
    const file = join(directory, name);
    try {
      const facts = JSON.parse(await readFile(file, "utf8")) as RunningFile;
      process.kill(facts.pid, 0);
      found.push(facts);
    } catch (error) {
      // A process of another user is there all the same.
      if ((error as NodeJS.ErrnoException).code === "EPERM") continue;
      await rm(file, { force: true });
      await rm(file.replace(/\.json$/, ".sock"), { force: true });
    }
  }
  return found;
}

/**
 * Asks a running server over its control socket.
 * @throws the error that it answers with; COMMAND_INVALID when it does not answer.
 */
export async function askRunning<T>(
  { control, pid }: RunningFile,
  method: "GET" | "POST",
  path: string,
): Promise<T> {
  const { status, text } = await new Promise<{ status: number; text: string }>(
    (resolve, reject) => {
      const sent = request({ socketPath: control, method, path, agent: false }, (reply) => {
        let text = "";
        reply.setEncoding("utf8").on("data", (part: string) => (text += part));
        reply.on("end", () => resolve({ status: reply.statusCode!, text }));
        reply.on("error", reject);
      });
      sent.on("error", reject);
      sent.end();
    },
  ).catch((cause: unknown) => {
    throw new EkibenError("COMMAND_INVALID", {
      detail: `The server with process id ${pid} does not answer on its control socket: ${String(cause)}.`,
      hint: "It may have ended meanwhile; its log tells.",
      cause,
    });
  });
  const body = JSON.parse(text) as T & { code?: string; detail?: string; hint?: string };
  if (status < 400) return body;
  const code = body.code !== undefined && body.code in ERROR_CATALOGUE ? body.code : "INTERNAL";
  throw new EkibenError(code as ErrorCode, {
    detail: body.detail ?? `It answered ${status}.`,
    ...(body.hint === undefined ? {} : { hint: body.hint }),
  });
}
