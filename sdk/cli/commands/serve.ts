import type { Command } from "commander";
import type { ResolvedSettings } from "../../server/settings/resolve.js";
import type { Supervision } from "../../server/supervised.js";
import type { FoundBundle } from "../../store/find-bundle.js";
import { addSettingOptions, readSettingFlags } from "../setting-options.js";

/** `ekiben serve`. */
export function addServe(program: Command): void {
  const command = program
    .command("serve")
    .description("serve a bundle")
    .argument("<bundle>", "a tag such as churn:latest, a folder, or an archive");
  addSettingOptions(command).action(async (target: string, options: Record<string, unknown>) => {
    const { resolveSettings } = await import("../../server/settings/resolve.js");
    const sources = { ...readSettingFlags(options), env: process.env };
    await serveTag(target, await resolveSettings(sources));
  });
}

/** Serves a bundle until a signal ends the process; resolves with its address when it answers. */
export async function serveTag(target: string, settings: ResolvedSettings): Promise<string> {
  const { superviseServer } = await import("../../server/supervised.js");
  const supervision = superviseServer();
  if (settings.values["server.workers"] !== 1) {
    return await serveByWorkers(target, settings, supervision);
  }
  const { serveBundle } = await import("../../server/serve.js");
  const { findBundle } = await import("../../store/find-bundle.js");
  const { stopOnSignal } = await import("../../server/shutdown.js");
  const { watchStrayErrors } = await import("../../server/stray-errors.js");
  const { printError } = await import("../print-error.js");

  const { values } = settings;
  const found = await findBundle(target);
  try {
    const server = await serveBundle({
      directory: found.directory,
      port: values["server.port"],
      host: values["server.host"],
      drainTimeoutMs: values["server.drainTimeout"] * 1000,
      checkOutputs: values["server.checkOutputs"],
      logLevel: values["logs.level"],
      settings,
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

/** Serves it by a primary and its workers. */
async function serveByWorkers(
  target: string,
  settings: ResolvedSettings,
  supervision: Supervision,
): Promise<string> {
  const { servePrimary } = await import("../../server/primary/serve-primary.js");
  const { findBundle } = await import("../../store/find-bundle.js");
  const { stopOnSignal } = await import("../../server/shutdown.js");
  const { printError } = await import("../print-error.js");

  const find = async (wanted: string): Promise<FoundBundle> => await findBundle(wanted);
  const primary = await servePrimary({ target, settings, find });
  const { stop, kill, address } = primary;
  process.once("exit", kill);
  stopOnSignal(stop, (error) => printError(error, true));
  supervision.ready(address, stop);
  return address;
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
