import { onOff, seconds, text, wholeNumber } from "./kinds.js";
import { setting } from "./setting.js";

/** Where the server listens and how it ends. */
export const serverSection = {
  "server.port": setting({
    kind: wholeNumber("port", 0, 65_535),
    default: 3000,
    flag: "-p, --port",
    env: "PORT",
    help: "port; 0 takes a free one",
  }),
  "server.host": setting({
    kind: text("host"),
    default: "127.0.0.1",
    flag: "--host",
    env: "HOST",
    help: "address to listen on; 0.0.0.0 is every one",
  }),
  "server.drainTimeout": setting({
    kind: seconds(),
    default: 30,
    flag: "--drain-timeout",
    env: "EKIBEN_DRAIN_TIMEOUT",
    help: "time to answer what is under way at the end",
  }),
  "server.checkOutputs": setting({
    kind: onOff,
    default: false,
    flag: "--check-outputs",
    env: "EKIBEN_CHECK_OUTPUTS",
    help: "check every output against its schema, as the notebook does",
  }),
};
