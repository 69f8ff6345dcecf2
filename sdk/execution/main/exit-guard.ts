import { waitForEnd } from "../flags.js";

/** Milliseconds that a process which ends gives its threads; no run of a served model is longer. */
const LIMIT_MS = 10_000;

const threads = new Set<Int32Array>();
let isWatching = false;

/**
 * Keeps the process from ending while a thread is inside of its engine, whatever ends it:
 * `process.exit` waits for threads anyway, and onnxruntime aborts the process when its run comes back
 * into one that ends. The answer forgets the thread again.
 */
export function guardExit(flags: Int32Array): () => void {
  threads.add(flags);
  if (!isWatching) {
    isWatching = true;
    process.on("exit", waitForThreads);
  }
  return () => void threads.delete(flags);
}

function waitForThreads(): void {
  const limit = performance.now() + LIMIT_MS;
  for (const flags of threads) {
    if (waitForEnd(flags, limit - performance.now())) continue;
    // It hangs. Waiting on would be for ever, and an abort would look like a fault of the runtime.
    process.kill(process.pid, "SIGKILL");
  }
}
