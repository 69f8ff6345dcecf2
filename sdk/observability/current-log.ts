import type { Log } from "./log.js";

/** A log that writes to whichever log is the current one: its level may change while it is used. */
export function toCurrentLog(current: () => Log): Log {
  return {
    debug: (message, fields) => current().debug(message, fields),
    info: (message, fields) => current().info(message, fields),
    warn: (message, fields) => current().warn(message, fields),
    error: (message, fields) => current().error(message, fields),
    child: (fields) => toCurrentLog(() => current().child(fields)),
  };
}
