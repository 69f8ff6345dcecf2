import { text, wholeNumber } from "./kinds.js";
import { setting } from "./setting.js";

/** The management port. */
export const adminSection = {
  "admin.port": setting({
    kind: wholeNumber("port", 0, 65_535),
    default: undefined,
    flag: "--admin-port",
    env: "EKIBEN_ADMIN_PORT",
    help: "port for probes, metrics and workers that answers also when the service is busy",
  }),
  "admin.host": setting({
    kind: text("host"),
    default: "127.0.0.1",
    flag: "--admin-host",
    env: "EKIBEN_ADMIN_HOST",
    help: "address of the management port",
  }),
};
