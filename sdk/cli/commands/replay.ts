import { InvalidArgumentError, type Command } from "commander";
import { toHeaders } from "../options.js";

interface ReplayCommandOptions {
  to?: string;
  url?: string;
  tolerance: number;
  sample: number;
  limit?: number;
  concurrency: number;
  api?: string;
  header?: Record<string, string>;
  feedback?: string;
  label?: string;
  output?: string;
  threshold: number;
  json?: boolean;
  check?: boolean;
}

/** `ekiben replay`. */
export function addReplay(program: Command): void {
  program
    .command("replay")
    .description("send the inputs of a prediction log to another bundle and compare its answers")
    .argument("<log>", "prediction.log with its rotated files, their folder, or one file")
    .option("--to <bundle>", "a tag, a folder, or an archive; it is served for this")
    .option("--url <address>", "a service that runs, in place of a bundle")
    .option("--tolerance <number>", "how much numbers may differ", toNumber(0, 1), 1e-6)
    .option("--sample <share>", "share of the requests that are sent", toNumber(0, 1), 1)
    .option("--limit <n>", "most requests that are sent", toNumber(1, 1e12))
    .option("--concurrency <n>", "requests at once", toNumber(1, 1000), 8)
    .option("--api <name>", "only requests to this API")
    .option(
      "--header <name: value>",
      "a header to send along, such as a key; repeatable",
      toHeaders,
    )
    .option("--feedback <log>", "feedback.log, for accuracy or error before and after")
    .option("--label <field>", "the field of the feedback that holds the truth")
    .option("--output <field>", "the field of the outputs to compare with it")
    .option(
      "--threshold <number>",
      "from which output on a label of true is meant",
      toNumber(-1e300, 1e300),
      0.5,
    )
    .option("--json", "print the report as JSON")
    .option("--check", "end with 1 when an answer is another one, or none was compared")
    .action(async (log: string, options: ReplayCommandOptions) => {
      process.exitCode = await runReplay(log, options);
    });
}

async function runReplay(log: string, options: ReplayCommandOptions): Promise<number> {
  const { EkibenError } = await import("../../core/errors.js");
  const { findLogFiles } = await import("../../replay/read-log.js");
  const { openTarget } = await import("../../replay/target.js");
  const { isSame, replay } = await import("../../replay/replay.js");
  const { to, url, feedback, label, output, header = {} } = options;
  const refuse = (detail: string, hint: string): Error =>
    new EkibenError("COMMAND_INVALID", { detail, hint });
  if ((to === undefined) === (url === undefined)) {
    throw refuse("It is to be said where the requests go.", "Give --to or --url, and only one.");
  }
  if (feedback !== undefined && (label === undefined || output === undefined)) {
    throw refuse(
      "Feedback is compared by two fields.",
      "Give --label, a field of the feedback, and --output, a field of the outputs.",
    );
  }
  const files = await findLogFiles(log, "prediction");
  const labels =
    feedback === undefined
      ? {}
      : {
          feedback: {
            files: await findLogFiles(feedback, "feedback"),
            label: label!,
            output: output!,
            threshold: options.threshold,
          },
        };
  const server = to === undefined ? undefined : await serve(to);
  try {
    const { concurrency, tolerance, sample, limit, api } = options;
    const target = await openTarget(server?.url ?? url!, { headers: header, concurrency });
    try {
      const report = await replay({
        files,
        target,
        tolerance,
        sample,
        concurrency,
        ...(limit === undefined ? {} : { limit }),
        ...(api === undefined ? {} : { api }),
        ...labels,
      });
      const { printReport } = await import("../../replay/print-report.js");
      console.log(options.json === true ? JSON.stringify(report, null, 2) : printReport(report));
      return options.check === true && !isSame(report) ? 1 : 0;
    } finally {
      target.close();
    }
  } finally {
    await server?.stop();
  }
}

async function serve(target: string): Promise<{ url: string; stop(): Promise<void> }> {
  const { spawnServer } = await import("../../server/spawn-server.js");
  const { findBundle } = await import("../../store/find-bundle.js");
  const found = await findBundle(target);
  try {
    const server = await spawnServer(found.directory);
    const stop = async (): Promise<void> => {
      await server.stop();
      await found.dispose();
    };
    return { url: server.url, stop };
  } catch (error) {
    await found.dispose();
    throw error;
  }
}

function toNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (text.trim() !== "" && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`A number from ${least} to ${most} is expected.`);
  };
}
