import type { ResolvedSettings } from "../server/settings/resolve.js";
import { superviseServer, type Supervision } from "../server/supervised.js";
import type { FoundBundle } from "../store/find-bundle.js";

/** Serves a bundle until a signal ends the process; resolves with its address when it answers. */
export async function serveTag(
  target: string,
  readSettings: () => Promise<ResolvedSettings>,
): Promise<string> {
  const supervision = superviseServer();
  const settings = await readSettings();
  const several = settings.values["server.workers"] !== 1 || settings.values["server.reloadable"];
  return several
    ? await serveByWorkers(target, readSettings, supervision)
    : await serveHere(target, settings, supervision);
}

/** Serves it in this process. */
async function serveHere(
  target: string,
  settings: ResolvedSettings,
  supervision: Supervision,
): Promise<string> {
  const { serveAlone } = await import("../server/serve-alone.js");
  const { findBundle } = await import("../store/find-bundle.js");
  const { stopOnSignal } = await import("../server/shutdown.js");
  const { watchStrayErrors } = await import("../server/stray-errors.js");
  const { printError } = await import("./print-error.js");

  const found = await findBundle(target);
  try {
    const server = await serveAlone(found.directory, settings);
    const { log } = server;
    const stop = async (): Promise<void> => {
      await server.stop();
      await found.dispose();
    };
    stopOnSignal({
      stop(signal) {
        if (signal === "SIGHUP" && !isTerminalClosed())
          log.warn(RELOAD_WITHOUT_PRIMARY, { signal });
        else log.info(`the server ends: ${signal}`, { signal });
        return stop();
      },
      onError: (error) => printError(error, true),
    });
    watchStrayErrors(log, stop);
    supervision.ready(server.address, stop);
    // Who reads the log and what the command prints next reads them in order.
    await server.flush();
    return server.address;
  } catch (error) {
    await found.dispose();
    throw await explain(error, found.archive);
  }
}

/** Serves it by a primary and its workers. */
async function serveByWorkers(
  target: string,
  readSettings: () => Promise<ResolvedSettings>,
  supervision: Supervision,
): Promise<string> {
  const { servePrimary } = await import("../server/primary/serve-primary.js");
  const { openControl } = await import("../server/admin/control.js");
  const { findBundle } = await import("../store/find-bundle.js");
  const { findRunDirectory } = await import("./run-directory.js");
  const { stopOnSignal } = await import("../server/shutdown.js");
  const { printError } = await import("./print-error.js");

  let last: FoundBundle | undefined;
  const find = async (wanted: string): Promise<FoundBundle> => (last = await findBundle(wanted));
  const primary = await servePrimary({ target, readSettings, find }).catch(
    async (error: unknown) => {
      throw await explain(error, last?.archive);
    },
  );
  const { log, operations } = primary;
  process.once("exit", primary.kill);
  // Signals first: whoever has read that it answers may send one at once.
  const control = openControl(findRunDirectory(), operations).catch((error: unknown) => {
    log.warn("`ekiben reload` will not find this server", { error });
    return async () => {};
  });
  const stop = async (): Promise<void> => {
    await primary.stop();
    await (
      await control
    )();
  };
  stopOnSignal({
    stop(signal) {
      log.info(`the server ends: ${signal}`, { signal });
      return stop();
    },
    onError: (error) => printError(error, true),
    onHangUp() {
      if (isTerminalClosed()) return false;
      // What went wrong is in the log.
      primary.reload().catch(() => {});
      return true;
    },
  });
  supervision.ready(primary.address, stop);
  await control;
  return primary.address;
}

/** Whether SIGHUP says that the terminal is gone, and no reload is meant; on Windows it always does. */
function isTerminalClosed(): boolean {
  return process.platform === "win32" || process.stdin.isTTY;
}

const RELOAD_WITHOUT_PRIMARY =
  "the server ends: SIGHUP; only a server with --reloadable or --workers can reload";

/** An unpacked archive is gone by the time its reader could install anything in it. */
async function explain(error: unknown, archive: string | undefined): Promise<unknown> {
  const { EkibenError } = await import("../core/errors.js");
  if (archive === undefined || !(error instanceof EkibenError)) return error;
  if (error.code !== "DEPENDENCY_MISSING") return error;
  return new EkibenError(error.code, {
    ...error.facts,
    hint: `Run \`ekiben unpack ${archive} -o <folder>\`, then \`npm ci\` in that folder, and serve it.`,
    cause: error,
  });
}
