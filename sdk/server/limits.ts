import { availableParallelism, totalmem } from "node:os";
import type { ConnectionLimits } from "./app-server.js";
import type { Settings } from "./settings/table.js";
import { DEFAULT_BODY_BUDGET_BYTES } from "../service/gate.js";

/** What all requests together may take of one process. */
export interface ServerLimits extends ConnectionLimits {
  /** The most requests in flight, until their work has ended. @default no limit */
  maxConcurrency?: number | undefined;
  /** The most bytes of request bodies in memory. @default a quarter of it, at most 512 MiB */
  bodyBudgetBytes?: number | undefined;
  /** The names that a request may have in `Host`. @default any */
  allowedHosts?: readonly string[] | undefined;
}

/** The limits as they were set. */
export function toServerLimits(values: Settings): ServerLimits {
  const workers = values["server.workers"];
  const processes = workers === "auto" ? availableParallelism() : workers;
  const budget = values["limits.bodyBudget"];
  return {
    maxConcurrency: values["limits.maxConcurrency"],
    maxConnections: values["limits.maxConnections"],
    bodyBudgetBytes: budget === "auto" ? findBodyBudget(findMemoryBytes(), processes) : budget,
    headersTimeoutMs: values["limits.headersTimeout"] * 1000,
    requestTimeoutMs: values["limits.requestTimeout"] * 1000,
    allowedHosts: values["limits.allowedHosts"],
  };
}

const LEAST_BUDGET_BYTES = 32 * 1024 * 1024;

/** The memory that this process may have: what a container allows it, else that of the machine. */
export function findMemoryBytes(): number {
  // 0 or nothing when there is no limit, or none that Node can see.
  const allowed = process.constrainedMemory?.() ?? 0;
  return allowed > 0 ? Math.min(allowed, totalmem()) : totalmem();
}

/** The budget of request bodies where none is set: a quarter of the memory, at most 512 MiB. */
export function findBodyBudget(memoryBytes: number, processes = 1): number {
  const share = Math.floor(memoryBytes / 4 / processes);
  return Math.min(DEFAULT_BODY_BUDGET_BYTES, Math.max(LEAST_BUDGET_BYTES, share));
}
