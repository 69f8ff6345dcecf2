import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectionInfo } from "./protocol.js";

const ADDRESS = "127.0.0.1";
const TAIL_LENGTH = 8_000;
/** Time for the last words of a process that has ended to be read, in milliseconds. */
const PIPE_MS = 300;

export interface KernelExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A kernel as a child of this process. */
export interface KernelProcess {
  readonly pid: number;
  readonly connection: ConnectionInfo;
  readonly exited: Promise<KernelExit>;
  /** Removes the connection file, which a kernel that is up does not need any more. */
  forgetConnection(): Promise<void>;
  /** The end of what the process wrote outside of its cells. */
  tail(): string;
  kill(signal: NodeJS.Signals): void;
}

export interface KernelProcessOptions {
  /** The program and its arguments; `{connection_file}` stands for the path of that file. */
  command: readonly string[];
  cwd: string;
  env?: Readonly<Record<string, string | undefined>>;
}

export async function startKernelProcess(options: KernelProcessOptions): Promise<KernelProcess> {
  const folder = await mkdtemp(join(tmpdir(), "ekiben-kernel-"));
  const [shell_port, control_port, iopub_port, stdin_port, hb_port] = await findFreePorts();
  const connection: ConnectionInfo = {
    transport: "tcp",
    ip: ADDRESS,
    shell_port,
    control_port,
    iopub_port,
    stdin_port,
    hb_port,
    signature_scheme: "hmac-sha256",
    key: randomUUID(),
    kernel_name: "ekiben",
  };
  const file = join(folder, "connection.json");
  // The key in the file lets its reader run code in the kernel.
  await writeFile(file, JSON.stringify(connection), { mode: 0o600 });
  const [program, ...args] = options.command.map((part) =>
    part.replace("{connection_file}", () => file),
  );
  const child = spawn(program ?? process.execPath, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env, JPY_PARENT_PID: String(process.pid) },
    stdio: ["ignore", "pipe", "pipe"],
    windowsHide: true,
  });
  let tail = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      tail = (tail + text).slice(-TAIL_LENGTH);
    });
  }
  const exited = new Promise<KernelExit>((resolve) => {
    child.once("error", (error) => {
      tail += error.message;
      resolve({ code: null, signal: null });
    });
    child.once("close", (code, signal) => resolve({ code, signal }));
    child.once("exit", (code, signal) => {
      // A process that a cell started may hold the pipes open for longer than the kernel lives.
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
        resolve({ code, signal });
      }, PIPE_MS).unref();
    });
  });
  const forgetConnection = () => rm(folder, { recursive: true, force: true });
  return {
    pid: child.pid ?? -1,
    connection,
    exited: exited.finally(forgetConnection),
    forgetConnection,
    tail: () => tail.trim(),
    kill: (signal) => void child.kill(signal),
  };
}

/** All five are held open together, so that they differ. */
async function findFreePorts(): Promise<[number, number, number, number, number]> {
  const servers = await Promise.all(Array.from({ length: 5 }, listen));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports as [number, number, number, number, number];
}

function listen() {
  return new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, ADDRESS, () => resolve(server));
  });
}
