import { byteSize } from "./byte-size.js";
import { listOf, onOff, oneOf, period, shares, text, wholeNumber } from "./kinds.js";
import { setting } from "./setting.js";

const PLACES = ["off", "stdout", "file", "both"] as const;
const SAMPLED = /^(access|prediction|feedback)(\.[A-Za-z_$][\w$]*)?$/;

/** What is logged, where, and for how long. */
export const logsSection = {
  "logs.level": setting({
    kind: oneOf("level", ["debug", "info", "warn", "error", "silent"]),
    default: "info",
    flag: "--log-level",
    env: "EKIBEN_LOG_LEVEL",
    help: "least level to log",
  }),
  "logs.format": setting({
    kind: oneOf("form", ["json", "plain"]),
    default: undefined,
    follows: "plain on a terminal, else json",
    flag: "--log-format",
    env: "EKIBEN_LOG_FORMAT",
    help: "form of the application's lines on standard output; those that go to files as well are json",
  }),
  "logs.directory": setting({
    kind: text("folder"),
    default: undefined,
    flag: "--log-dir",
    env: "EKIBEN_LOG_DIR",
    help: "folder for files of access, predictions and feedback; one server a folder",
  }),
  "logs.application": setting({
    kind: oneOf("place", PLACES),
    default: "stdout",
    env: "EKIBEN_LOG_APPLICATION",
    help: "where lines of the application go: stdout, file, both or off",
  }),
  "logs.access": setting({
    kind: oneOf("place", PLACES),
    default: undefined,
    flag: "--log-access",
    env: "EKIBEN_LOG_ACCESS",
    follows: "file with --log-dir, else off",
    help: "where a line for each request goes: stdout, file, both or off",
  }),
  "logs.prediction": setting({
    kind: oneOf("place", PLACES),
    default: undefined,
    flag: "--log-predictions",
    env: "EKIBEN_LOG_PREDICTIONS",
    follows: "file with --log-dir, else off",
    help: "where inputs and outputs go: stdout, file, both or off",
  }),
  "logs.feedback": setting({
    kind: oneOf("place", PLACES),
    default: undefined,
    env: "EKIBEN_LOG_FEEDBACK",
    follows: "file with --log-dir, else stdout",
    help: "where feedback goes: stdout, file, both or off",
  }),
  "logs.probes": setting({
    kind: onOff,
    default: false,
    env: "EKIBEN_LOG_PROBES",
    help: "probes and metrics are access lines, too",
  }),
  "logs.sample": setting({
    kind: shares((name) => SAMPLED.test(name)),
    default: undefined,
    follows: "all of them",
    flag: "--log-sample",
    env: "EKIBEN_LOG_SAMPLE",
    help: "share of the requests that are logged, by stream or stream and API",
  }),
  "logs.redact": setting({
    kind: listOf(text("name")),
    default: undefined,
    flag: "--log-redact",
    env: "EKIBEN_LOG_REDACT",
    help: "keys, columns, paths, parameters and headers whose values are not logged",
  }),
  "logs.headers": setting({
    kind: listOf(text("name")),
    default: undefined,
    env: "EKIBEN_LOG_HEADERS",
    help: "request headers that predictions keep",
  }),
  "logs.maxRecord": setting({
    kind: byteSize(4096),
    default: 262_144,
    env: "EKIBEN_LOG_MAX_RECORD",
    help: "most bytes of a line; bodies are cut to it",
  }),
  "logs.buffer": setting({
    kind: byteSize(65_536),
    default: 16_777_216,
    env: "EKIBEN_LOG_BUFFER",
    help: "bytes of each stream that may wait in a process to be written",
  }),
  "logs.rotateSize": setting({
    kind: byteSize(1024),
    default: 104_857_600,
    flag: "--log-rotate-size",
    env: "EKIBEN_LOG_ROTATE_SIZE",
    help: "size at which a file is rotated",
  }),
  "logs.rotateEvery": setting({
    kind: period(),
    default: undefined,
    flag: "--log-rotate-every",
    env: "EKIBEN_LOG_ROTATE_EVERY",
    help: "time after which a file is rotated, counted in UTC",
  }),
  "logs.keepFiles": setting({
    kind: wholeNumber("n", 0, 100_000),
    default: 10,
    flag: "--log-keep-files",
    env: "EKIBEN_LOG_KEEP_FILES",
    help: "rotated files of a stream that are kept",
  }),
  "logs.keepFor": setting({
    kind: period(),
    default: undefined,
    flag: "--log-keep-for",
    env: "EKIBEN_LOG_KEEP_FOR",
    help: "age at which a rotated file is deleted",
  }),
  "logs.keepSize": setting({
    kind: byteSize(),
    default: undefined,
    flag: "--log-keep-size",
    env: "EKIBEN_LOG_KEEP_SIZE",
    help: "size of all rotated files of a stream",
  }),
  "logs.gzip": setting({
    kind: onOff,
    default: false,
    env: "EKIBEN_LOG_GZIP",
    help: "pack rotated files",
  }),
};
