import { addressRange, listOf, onOff, orWord, seconds, text, wholeNumber } from "./kinds.js";
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
  "server.trustProxy": setting({
    kind: listOf(addressRange),
    default: undefined,
    flag: "--trust-proxy",
    env: "EKIBEN_TRUST_PROXY",
    help: "where proxies are whose X-Forwarded-For, -Proto, -Host and Forwarded are believed",
  }),
  "server.drainTimeout": setting({
    kind: seconds(),
    default: 30,
    flag: "--drain-timeout",
    env: "EKIBEN_DRAIN_TIMEOUT",
    help: "time to answer what is under way at the end",
  }),
  "server.shutdownDelay": setting({
    kind: seconds(),
    default: 0,
    flag: "--shutdown-delay",
    env: "EKIBEN_SHUTDOWN_DELAY",
    help: "time between the moment when /readyz says 503 and the end of accepting",
  }),
  "server.checkOutputs": setting({
    kind: onOff,
    default: false,
    flag: "--check-outputs",
    env: "EKIBEN_CHECK_OUTPUTS",
    help: "check every output against its schema, as the notebook does",
  }),
  "server.workers": setting({
    kind: orWord(wholeNumber("n", 1, 512), "auto"),
    default: 1,
    flag: "--workers",
    env: "EKIBEN_WORKERS",
    help: "processes that serve the bundle; auto is one for each core",
  }),
  "server.reloadable": setting({
    kind: onOff,
    default: false,
    flag: "--reloadable",
    env: "EKIBEN_RELOADABLE",
    help: "keep a primary process also for one worker, so that the bundle can be exchanged",
  }),
  "server.workerMemory": setting({
    kind: wholeNumber("megabytes", 32, 1_048_576),
    default: undefined,
    follows: "the limit of Node.js",
    flag: "--worker-memory",
    env: "EKIBEN_WORKER_MEMORY",
    help: "limit of the JavaScript heap of a worker; one that reaches it is replaced",
  }),
  "server.startTimeout": setting({
    kind: seconds(0.1),
    default: 300,
    flag: "--start-timeout",
    env: "EKIBEN_START_TIMEOUT",
    help: "time until a worker has to be ready",
  }),
  "server.workerTimeout": setting({
    kind: seconds(1),
    default: 10,
    flag: "--worker-timeout",
    env: "EKIBEN_WORKER_TIMEOUT",
    help: "time after which a worker whose event loop is held up is reported",
  }),
  "server.workerKillTimeout": setting({
    kind: seconds(1),
    default: undefined,
    flag: "--worker-kill-timeout",
    env: "EKIBEN_WORKER_KILL_TIMEOUT",
    help: "time after which such a worker is ended and replaced, with the requests it has",
  }),
};
