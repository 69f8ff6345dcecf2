import { Option, type Command } from "commander";
import { toPort, toSeconds } from "../options.js";

/** The options of `ekiben serve`. */
export interface ServeCommandOptions {
  /** @default 3000 */
  port?: number | string;
  /** @default "127.0.0.1" */
  host?: string;
  /** Seconds. @default 30 */
  drainTimeout?: number;
  /** @default false */
  checkOutputs?: boolean;
  logLevel?: "debug" | "info" | "warn" | "error" | "silent";
}

const CHECK_OUTPUTS = "EKIBEN_CHECK_OUTPUTS";

/** `ekiben serve`. */
export function addServe(program: Command): void {
  // Set to nothing is how a shell or a container leaves a variable out.
  for (const name of ["PORT", "HOST"]) if (process.env[name] === "") delete process.env[name];
  // A switch is on for commander as soon as its variable is there.
  if (["", "0", "false"].includes(process.env[CHECK_OUTPUTS] ?? "")) {
    delete process.env[CHECK_OUTPUTS];
  }
  program
    .command("serve")
    .description("serve a bundle")
    .argument("<bundle>", "a tag such as churn:latest, a folder, or an archive")
    .addOption(
      new Option("-p, --port <port>", "port; 0 takes a free one")
        .env("PORT")
        .argParser(toPort)
        .default(3000),
    )
    .addOption(
      new Option("--host <host>", "address to listen on; 0.0.0.0 is every one")
        .env("HOST")
        .default("127.0.0.1"),
    )
    .option(
      "--drain-timeout <seconds>",
      "time to answer what is under way at the end",
      toSeconds,
      30,
    )
    .addOption(
      new Option(
        "--check-outputs",
        "check every output against its schema, as the notebook does",
      ).env(CHECK_OUTPUTS),
    )
    .addOption(
      new Option("--log-level <level>", "least level to log")
        .choices(["debug", "info", "warn", "error", "silent"])
        .default("info"),
    )
    .action(async (target: string, options: ServeCommandOptions) => {
      await serveTag(target, options);
    });
}

/** Serves a bundle until a signal ends the process; resolves with its address when it answers. */
export async function serveTag(target: string, options: ServeCommandOptions = {}): Promise<string> {
  const { superviseServer } = await import("../../server/supervised.js");
  const supervision = superviseServer();
  const { serveBundle } = await import("../../server/serve.js");
  const { findBundle } = await import("../../store/find-bundle.js");
  const { stopOnSignal } = await import("../../server/shutdown.js");
  const { watchStrayErrors } = await import("../../server/stray-errors.js");
  const { printError } = await import("../print-error.js");

  const found = await findBundle(target);
  try {
    const server = await serveBundle({
      directory: found.directory,
      port: Number(options.port ?? 3000),
      host: options.host ?? "127.0.0.1",
      drainTimeoutMs: (options.drainTimeout ?? 30) * 1000,
      checkOutputs: options.checkOutputs ?? false,
      logLevel: options.logLevel ?? "info",
    });
    const stop = async (): Promise<void> => {
      await server.stop();
      await found.dispose();
    };
    stopOnSignal(stop, (error) => printError(error, true));
    watchStrayErrors(server.log, stop);
    supervision.ready(server.address, stop);
    return server.address;
  } catch (error) {
    await found.dispose();
    throw await explain(error, found.archive);
  }
}

/** An unpacked archive is gone by the time its reader could install anything in it. */
async function explain(error: unknown, archive: string | undefined): Promise<unknown> {
  const { EkibenError } = await import("../../core/errors.js");
  if (archive === undefined || !(error instanceof EkibenError)) return error;
  if (error.code !== "DEPENDENCY_MISSING") return error;
  return new EkibenError(error.code, {
    ...error.facts,
    hint: `Run \`ekiben unpack ${archive} -o <folder>\`, then \`npm ci\` in that folder, and serve it.`,
    cause: error,
  });
}
