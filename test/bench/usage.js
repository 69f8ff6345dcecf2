import { existsSync, readdirSync, readFileSync } from "node:fs";
import { once } from "node:events";

/** Whether the system tells how long each thread was on a CPU. */
export const usesProc = existsSync("/proc/self/schedstat");

/**
 * What a server has used so far: milliseconds on a CPU of all its threads and children, and its
 * memory. On-CPU time hardly depends on what else the machine does, unlike requests per second.
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<{ cpuMs: number, rssBytes: number }>}
 */
export async function readUsage(child) {
  if (usesProc) return readTree(/** @type {number} */ (child.pid));
  const told = once(child, "message");
  child.send("usage");
  const [usage] = await told;
  return usage;
}

/** @param {number} root */
function readTree(root) {
  let cpuNs = 0;
  let rssBytes = 0;
  for (const pid of [root, ...findDescendants(root)]) {
    try {
      // The number for a process itself is that of its first thread alone.
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        cpuNs += Number(
          readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0],
        );
      }
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      rssBytes += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      // A thread or process that has just ended.
    }
  }
  return { cpuMs: cpuNs / 1e6, rssBytes };
}

/** @param {number} root @returns {number[]} */
function findDescendants(root) {
  const children = new Map();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {
      // A process that has just ended.
    }
  }
  const found = [...(children.get(root) ?? [])];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}
