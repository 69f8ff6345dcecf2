import type { Log, LogFields } from "./log.js";

/** Writes what may happen thousands of times a second without as many lines. */
export interface BurstLog {
  /**
   * Writes a line now when the last one of its message and `group` is long enough ago; otherwise
   * counts it, for one line at the end of the interval with the group and `count`.
   * @param group What the lines of a burst have in common, of a bounded number of values.
   * @param fields Of this one only.
   */
  warn(message: string, group: LogFields, fields: LogFields): void;
}

export interface BurstOptions {
  /** @default 10_000 */
  intervalMs?: number;
  /** Runs `callback` after `ms`, and keeps no process alive. @default the timers of Node */
  after?(ms: number, callback: () => void): unknown;
}

/** A storm of refusals must not become a storm of lines, and the first of them is told at once. */
export function createBurstLog(log: Log, options: BurstOptions = {}): BurstLog {
  const { intervalMs = 10_000, after = afterUnref } = options;
  const counts = new Map<string, number>();

  function open(key: string, message: string, group: LogFields): void {
    counts.set(key, 0);
    after(intervalMs, () => {
      const count = counts.get(key)!;
      counts.delete(key);
      if (count === 0) return;
      log.warn(`${message}: ${count} more`, { ...group, count, intervalMs });
      open(key, message, group);
    });
  }

  return {
    warn(message, group, fields) {
      const key = `${message}\n${Object.values(group).join("\n")}`;
      const count = counts.get(key);
      if (count !== undefined) {
        counts.set(key, count + 1);
        return;
      }
      open(key, message, group);
      log.warn(message, { ...group, ...fields });
    },
  };
}

function afterUnref(ms: number, callback: () => void): void {
  setTimeout(callback, ms).unref();
}
