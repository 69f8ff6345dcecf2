import { Option, type Command } from "commander";
import { EkibenError } from "../../core/errors.js";
import { toCount, toLabels, toMetrics, toNames } from "../options.js";
import { printPairs } from "../print-table.js";

interface ConnectionOptions {
  trackingUri?: string;
}

interface SearchOptions extends ConnectionOptions {
  filter?: string;
  limit: number;
  json?: boolean;
}

interface PullOptions extends ConnectionOptions {
  name?: string;
  flavor?: "onnx" | "xgboost" | "lightgbm";
  version?: string;
  label?: Record<string, string>;
  metric?: Record<string, number>;
  alias?: string[];
  quiet?: boolean;
}

/** `ekiben mlflow`. */
export function addMlflow(program: Command): void {
  const mlflow = program
    .command("mlflow")
    .description("look at an MLflow registry, and pull models into the store");
  addSearch(mlflow);
  addShow(mlflow);
  addPull(mlflow);
}

function addSearch(mlflow: Command): void {
  withServer(mlflow.command("search"))
    .description("list the versions of registered models")
    .argument("[name]", "one model")
    .option("--filter <filter>", "conditions in MLflow's own words, such as tags.team = 'growth'")
    .option("--limit <count>", "the most versions to list", toCount, 50)
    .option("--json", "print JSON")
    .action(async (name: string | undefined, options: SearchOptions) => {
      const { findModelVersions } = await import("../../mlflow/find-versions.js");
      const { printTable } = await import("../print-table.js");
      const found = [];
      let more = false;
      for await (const one of findModelVersions({
        ...toConnection(options),
        ...(name === undefined ? {} : { name }),
        ...(options.filter === undefined ? {} : { filter: options.filter }),
        pageSize: Math.min(options.limit + 1, 1000),
      })) {
        more = found.length === options.limit;
        if (more) break;
        found.push(one);
      }
      if (options.json === true) {
        console.log(JSON.stringify(found, null, 2));
      } else if (found.length === 0) {
        console.log(`There is no version of ${name ?? "any model"} that fits.`);
      } else {
        const rows = found.map((one) => [
          `models:/${one.name}/${one.version}`,
          one.stage === "None" ? "" : one.stage,
          one.aliases.map((alias) => `@${alias}`).join(" "),
          one.created?.toISOString().slice(0, 19).replace("T", " ") ?? "",
          one.status === "READY" ? "" : one.status,
          printPairs(one.tags),
        ]);
        console.log(
          printTable(["model", "stage", "aliases", "created (UTC)", "status", "tags"], rows),
        );
      }
      if (more) console.error(`There are more: give a larger --limit than ${options.limit}.`);
    });
}

function addShow(mlflow: Command): void {
  withServer(mlflow.command("show"))
    .description("show what an address means now, without fetching the model")
    .argument("<uri>", "models:/name/3, models:/name@alias, models:/name/Production, runs:/id/path")
    .option("--json", "print JSON")
    .action(async (uri: string, options: ConnectionOptions & { json?: boolean }) => {
      const { showModel } = await import("../../mlflow/show-model.js");
      const { printBytes, printTable } = await import("../print-table.js");
      const shown = await showModel(uri, process.cwd(), toConnection(options));
      if (options.json === true) {
        console.log(JSON.stringify(shown, null, 2));
        return;
      }
      const { name, version, runId, modelId, flavors, flavor, refused, mlflowVersion } = shown;
      const facts: [string, string | undefined][] = [
        ["means", name === undefined ? undefined : `${name} version ${version}`],
        ["run", runId],
        ["model id", modelId],
        ["flavors", flavors.join(", ")],
        ["served as", flavor ?? `not at all. ${refused}`],
        ["mlflow", mlflowVersion],
      ];
      const lines = facts
        .filter(([, text]) => text !== undefined)
        .map(([key, text]) => `  ${key.padEnd(9)} ${text}`);
      const parts = [[uri, ...lines].join("\n")];
      const slots = [
        ...(shown.inputs ?? []).map((one) => ["input", ...describeSlot(one)]),
        ...(shown.outputs ?? []).map((one) => ["output", ...describeSlot(one)]),
      ];
      if (slots.length > 0) parts.push(printTable(["signature", "name", "type"], slots));
      const files = shown.files.map(({ path, size }) => [path, printBytes(size ?? 0)]);
      parts.push(printTable(["file", "size"], files));
      console.log(parts.join("\n\n"));
    });
}

function describeSlot(
  slot:
    | { name?: string; type: string }
    | { name?: string; dtype: string; shape: readonly (number | null)[] },
): [string, string] {
  const name = slot.name ?? "";
  if ("type" in slot) return [name, slot.type];
  return [name, `${slot.dtype} [${slot.shape.map((size) => size ?? "*").join(", ")}]`];
}

function addPull(mlflow: Command): void {
  withServer(mlflow.command("pull"))
    .description("download a model into the model store")
    .argument("<uri>", "models:/name/3, models:/name@alias, runs:/id/path, or a folder")
    .option("--name <name>", "the name in the store; that of the registry when left out")
    .addOption(
      new Option("--flavor <flavor>", "which of its flavors to keep").choices([
        "onnx",
        "xgboost",
        "lightgbm",
      ]),
    )
    .option("--version <version>", "the version in the store; made of the time when left out")
    .option("--label <key=value>", "a word to find it by; may be repeated", toLabels)
    .option("--metric <key=number>", "a number to compare it by; may be repeated", toMetrics)
    .option("--alias <alias>", "a name that leads to this version; may be repeated", toNames)
    .option("-q, --quiet", "do not show how far the download is")
    .action(async (uri: string, options: PullOptions) => {
      const { openModel } = await import("../../mlflow/open-model.js");
      const { openModelStore } = await import("../../store/model-store.js");
      const { printTag } = await import("../../core/tag.js");
      const { parseModelUri } = await import("../../mlflow/model-uri.js");
      const { flavor, version, label, metric, alias } = options;
      const meant = parseModelUri(uri);
      // Before anything is downloaded.
      const name = options.name ?? toName("name" in meant ? meant.name : undefined, uri);
      const opened = await openModel(uri, process.cwd(), {
        ...toConnection(options),
        ...(flavor === undefined ? {} : { flavor }),
        ...(options.quiet === true ? { onProgress: () => {} } : {}),
      });
      const { record, existing } = await openModelStore().add(await opened.content(), {
        name,
        ...(version === undefined ? {} : { version }),
        ...(label === undefined ? {} : { labels: label }),
        ...(metric === undefined ? {} : { metrics: metric }),
        ...(alias === undefined ? {} : { aliases: alias }),
      });
      const state = existing ? "unchanged, pulled before as" : `pulled as ${record.kind}:`;
      console.error(`${state} ${printTag(record)}`);
      console.log(printTag(record));
    });
}

/** Names of a registry may have what names here may not. */
function toName(registered: string | undefined, uri: string): string {
  const name = registered
    ?.toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+|(?<![._-])[._-]+$/g, "");
  if (name !== undefined && name !== "") return name.slice(0, 63);
  throw new EkibenError("COMMAND_INVALID", {
    detail: `${uri} has no name in a registry.`,
    hint: "Give the name for the store with --name.",
    received: uri,
  });
}

function withServer(command: Command): Command {
  return command.option(
    "--tracking-uri <url>",
    "the MLflow server; MLFLOW_TRACKING_URI when left out",
  );
}

function toConnection({ trackingUri }: ConnectionOptions): ConnectionOptions {
  return trackingUri === undefined ? {} : { trackingUri };
}
