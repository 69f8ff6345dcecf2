import type { Command } from "commander";
import type { RunningFile } from "../../server/admin/control.js";
import type { ReloadReport } from "../../server/admin/operations.js";

interface ReloadOptions {
  to?: string;
  pid?: string;
}

/** `ekiben reload`: exchanges what a running server serves. */
export function addReload(program: Command): void {
  program
    .command("reload")
    .description("exchange the bundle of a running server without losing a request")
    .argument("[service]", "its name, when several servers run")
    .option("--to <bundle>", "a tag, a folder or an archive; what it was started with, if absent")
    .option("--pid <pid>", "the process id of the server, when several serve the same service")
    .action(async (service: string | undefined, { to, pid }: ReloadOptions) => {
      const { existsSync } = await import("node:fs");
      const { resolve } = await import("node:path");
      const { askRunning, listRunning } = await import("../../server/admin/control.js");
      const { findRunDirectory } = await import("../run-directory.js");
      const running = await listRunning(findRunDirectory());
      const server = await pick(running, service, pid === undefined ? undefined : Number(pid));
      // The server works in a folder of its own.
      const bundle = to !== undefined && existsSync(to) ? resolve(to) : to;
      const query = bundle === undefined ? "" : `?to=${encodeURIComponent(bundle)}`;
      const report = await askRunning<ReloadReport>(server, "POST", `/reload${query}`);
      process.stderr.write(
        `${report.from} has been replaced, by ${report.workers} workers in ${report.ms} ms\n`,
      );
      console.log(report.to);
    });
}

async function pick(
  running: readonly RunningFile[],
  service: string | undefined,
  pid: number | undefined,
): Promise<RunningFile> {
  const { EkibenError } = await import("../../core/errors.js");
  const meant = running.filter(
    (one) => (service === undefined || one.service === service) && (pid ?? one.pid) === one.pid,
  );
  const [only] = meant;
  if (only !== undefined && meant.length === 1) return only;
  const list = running.map((one) => `${one.service} with --pid ${one.pid} on ${one.address}`);
  const which = [
    service === undefined ? "" : `of ${service} `,
    pid === undefined ? "" : `with --pid ${pid} `,
  ].join("");
  throw new EkibenError("COMMAND_INVALID", {
    detail:
      meant.length > 1
        ? "Several servers run that this may mean."
        : `No server ${which}runs here that could be reloaded.`,
    hint:
      list.length === 0
        ? "Start one with `ekiben serve --workers <n>`, or with --reloadable; those of another user or EKIBEN_HOME are not seen."
        : `${list.length === 1 ? "One runs" : "These run"}: ${list.join("; ")}.`,
  });
}
