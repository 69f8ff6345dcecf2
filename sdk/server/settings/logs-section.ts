import { oneOf } from "./kinds.js";
import { setting } from "./setting.js";

/** What is logged. */
export const logsSection = {
  "logs.level": setting({
    kind: oneOf("level", ["debug", "info", "warn", "error", "silent"]),
    default: "info",
    flag: "--log-level",
    env: "EKIBEN_LOG_LEVEL",
    help: "least level to log",
  }),
};
