import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { startKernelClient } from "./client.js";
import { findTslab } from "./load-tslab.js";
import { toMissingTslab } from "./missing-tslab.js";
import { createOutputCollector, toText, type CellOutput } from "./outputs.js";

export interface CellResult {
  /** `aborted`: an earlier cell that was still running then failed. */
  readonly status: "ok" | "error" | "aborted";
  readonly executionCount: number | undefined;
  readonly outputs: readonly CellOutput[];
  /** The outputs as plain text, the traceback of an error included. */
  readonly text: string;
  readonly error?: { ename: string; evalue: string; traceback: readonly string[] };
}

/** A running ekiben kernel without Jupyter. */
export interface HeadlessKernel extends AsyncDisposable {
  readonly pid: number;
  /** Runs one cell. @throws EkibenError KERNEL_FAILED when the kernel ends before the cell does. */
  execute(code: string, options?: ExecuteOptions): Promise<CellResult>;
  request(type: string, content: Record<string, unknown>): Promise<Record<string, unknown>>;
  interrupt(): Promise<void>;
  /** Ends the kernel and waits until its process is gone. */
  shutdown(): Promise<void>;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

export interface ExecuteOptions {
  /** Filled while the cell runs, for what it says before its kernel ends. */
  outputs?: CellOutput[];
  /** Every output as it comes; a stream in pieces. */
  onOutput?: (output: CellOutput) => void;
}

export interface HeadlessKernelOptions {
  /** The folder in which the notebook runs. @default process.cwd() */
  cwd?: string;
  /** Added to the environment of this process; `undefined` takes a name out. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds until the kernel has to answer. @default 60000 */
  startTimeoutMs?: number;
  /** @default the kernel of this package */
  command?: readonly string[];
}

/** The compiled program of the kernel. */
export function findKernelMain(): string {
  const root = dirname(createRequire(import.meta.url).resolve("ekiben/package.json"));
  return join(root, "dist", "kernels", "tslab", "main.js");
}

/**
 * @throws EkibenError DEPENDENCY_MISSING when tslab is not installed, KERNEL_FAILED when the kernel
 * does not come up.
 */
export async function createHeadlessKernel(
  options: HeadlessKernelOptions = {},
): Promise<HeadlessKernel> {
  const cwd = options.cwd ?? process.cwd();
  if (options.command === undefined && findTslab(cwd) === undefined) throw toMissingTslab();
  const client = await startKernelClient({
    command: options.command ?? [process.execPath, findKernelMain(), "{connection_file}"],
    cwd,
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.startTimeoutMs === undefined ? {} : { startTimeoutMs: options.startTimeoutMs }),
  });
  const collector = createOutputCollector();
  return {
    pid: client.pid,
    exited: client.exited,
    async execute(code, executeOptions = {}) {
      const outputs = executeOptions.outputs ?? [];
      const reply = await client.request(
        "execute_request",
        {
          code,
          silent: false,
          store_history: true,
          user_expressions: {},
          allow_stdin: false,
          stop_on_error: true,
        },
        {
          onPublished(message) {
            const output = collector.add(message, outputs);
            if (output !== undefined) executeOptions.onOutput?.(output);
          },
        },
      );
      return toResult(reply.content, outputs);
    },
    request: async (type, content) => (await client.request(type, content)).content,
    interrupt: () => client.interrupt(),
    shutdown: () => client.shutdown(),
    [Symbol.asyncDispose]: () => client.shutdown(),
  };
}

function toResult(content: Record<string, unknown>, outputs: CellOutput[]): CellResult {
  const error = outputs.findLast((output) => output.output_type === "error");
  const status = content["status"];
  return {
    status: status === "ok" || status === "error" ? status : "aborted",
    executionCount: content["execution_count"] as number | undefined,
    outputs,
    text: toText(outputs),
    ...(error?.output_type === "error"
      ? { error: { ename: error.ename, evalue: error.evalue, traceback: error.traceback } }
      : {}),
  };
}
