import { parentPort, workerData } from "node:worker_threads";

const INTERVAL_MS = 500;
const PATIENCE_MS = 4_000;

const { pid, ppid } = workerData as { pid: number; ppid: number };
// A parent that cannot be seen from the beginning is in another container: it cannot be watched.
const visible = isAlive(pid);

const timer = setInterval(() => {
  const orphaned = process.platform !== "win32" && process.ppid !== ppid;
  if (!orphaned && (!visible || isAlive(pid))) return;
  clearInterval(timer);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this is no window
  parentPort?.postMessage("gone");
  setTimeout(() => process.kill(process.pid, "SIGKILL"), PATIENCE_MS);
}, INTERVAL_MS);

function isAlive(process_: number): boolean {
  try {
    return process.kill(process_, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
