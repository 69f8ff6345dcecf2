import { setTimeout as delay } from "node:timers/promises";
import { TextDecoder } from "node:util";
import type { Executor } from "tslab/dist/executor.js";
import type { CellCompiler } from "./cell-compiler.js";
import {
  toCompileError,
  toFailedDeclarations,
  toErrorContent,
  type ErrorContent,
} from "./cell-errors.js";
import type { JupyterModule } from "./load-tslab.js";
import type { Recorder } from "./recorder.js";

export type Publish = (type: string, content: Record<string, unknown>) => void;

/** Runs the cells of a notebook, one after the other. */
export interface CellRunner {
  /** Runs an `execute_request`; resolves with the content of its reply. */
  run(content: Record<string, unknown>, publish: Publish): Promise<Record<string, unknown>>;
}

export interface CellRunnerOptions {
  executor: Executor;
  compiler: CellCompiler;
  recorder: Recorder;
  jupyter: JupyterModule;
  /** Takes what the executor reported as thrown since it was last called. */
  takeThrown(): readonly unknown[];
}

/**
 * A notebook that runs all cells sends them at once. After a failure the cells that were sent before
 * their author could know of it are not run: this many milliseconds is how long they are awaited.
 */
const DRAIN_MS = 50;

export function createCellRunner(options: CellRunnerOptions): CellRunner {
  const { executor, compiler, recorder } = options;
  let queue: Promise<unknown> = Promise.resolve();
  let arrivals = 0;
  let abortedUpTo = 0;
  let executionCount = 0;

  const execute = async (
    content: Record<string, unknown>,
    publish: Publish,
  ): Promise<Record<string, unknown>> => {
    const code = String(content["code"] ?? "");
    const silent = content["silent"] === true;
    if (!silent && content["store_history"] !== false) executionCount += 1;
    // What earlier cells still print in the background goes below the latest cell, as in IPython.
    redirect("stdout", publish);
    redirect("stderr", publish);
    (options.jupyter as { lastWriteDisplayData: unknown }).lastWriteDisplayData = (
      data: Record<string, unknown>,
      update: boolean,
    ) => publish(update ? "update_display_data" : "display_data", data);
    if (!silent) publish("execute_input", { code, execution_count: executionCount });

    const record = recorder.begin(code, executionCount);
    compiler.name(record.id, executionCount);
    options.takeThrown();
    let error: ErrorContent | undefined;
    try {
      if (!(await executor.execute(code))) {
        const label = `cell [${executionCount}]`;
        const { diagnostics } = compiler;
        if (diagnostics.length === 0) error = toErrorContent(options.takeThrown()[0]);
        else {
          error = toCompileError(diagnostics, code, label);
          error.traceback.push(...toFailedDeclarations(diagnostics, recorder.host.cells));
        }
      }
    } catch (thrown) {
      error = toErrorContent(thrown);
    }
    recorder.end(error === undefined);
    if (error === undefined) {
      return { status: "ok", execution_count: executionCount, user_expressions: {}, payload: [] };
    }
    publish("error", error);
    return { status: "error", execution_count: executionCount, ...error };
  };

  return {
    run(content, publish) {
      arrivals += 1;
      const arrival = arrivals;
      const result = queue.then(async () => {
        if (arrival <= abortedUpTo) return { status: "aborted", execution_count: executionCount };
        const reply = await execute(content, publish);
        if (reply["status"] === "error" && content["stop_on_error"] !== false) {
          await delay(DRAIN_MS);
          abortedUpTo = arrivals;
        }
        return reply;
      });
      queue = result.catch(() => undefined);
      return result;
    },
  };
}

function redirect(name: "stdout" | "stderr", publish: Publish): void {
  const decoder = new TextDecoder();
  const write = (
    chunk: string | Uint8Array,
    encoding?: BufferEncoding | (() => void),
    done?: () => void,
  ): boolean => {
    const text = typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    if (text !== "") publish("stream", { name, text });
    const callback = typeof encoding === "function" ? encoding : done;
    if (callback !== undefined) process.nextTick(callback);
    return true;
  };
  process[name].write = write as typeof process.stdout.write;
}
