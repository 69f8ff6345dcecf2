import { Option, type Command } from "commander";
import type { ListedModel, ModelStore } from "../../store/model-store.js";
import { MODEL_KINDS, type StoredKind } from "../../store/model-kinds.js";
import { toLabels, toMetrics, toNames } from "../options.js";
import { printPairs } from "../print-table.js";

interface FactOptions {
  label?: Record<string, string>;
  metric?: Record<string, number>;
  alias?: string[];
}

interface ImportOptions extends FactOptions {
  name: string;
  kind?: StoredKind;
  version?: string;
}

interface TagOptions extends FactOptions {
  removeLabel?: string[];
  removeMetric?: string[];
  removeAlias?: string[];
}

/** `ekiben models`. */
export function addModels(program: Command): void {
  const models = program
    .command("models")
    .description("keep models with versions, labels and metrics");
  addImport(models);
  addList(models);
  addShow(models);
  addTag(models);
  addDelete(models);
}

function addImport(models: Command): void {
  withFacts(
    models
      .command("import")
      .description("put a model into the store")
      .argument("<file>", "the file of a model, or a folder")
      .requiredOption("--name <name>", "the name of the model")
      .addOption(
        new Option("--kind <kind>", "what reads it; told by its first bytes when left out").choices(
          MODEL_KINDS,
        ),
      )
      .option("--version <version>", "the version; made of the time when left out"),
  ).action(async (file: string, options: ImportOptions) => {
    const { readContent } = await import("../../store/model-content.js");
    const { printTag } = await import("../../core/tag.js");
    const { kind, label, metric, alias, ...rest } = options;
    const store = await openStore();
    const content = await readContent(file, kind);
    const { record, existing } = await store.add(content, {
      ...rest,
      ...toFacts({ label, metric, alias }),
    });
    const state = existing ? "unchanged, imported before as" : `imported as ${record.kind}:`;
    console.error(`${state} ${printTag(record)}`);
    console.log(printTag(record));
  });
}

function addList(models: Command): void {
  models
    .command("list")
    .description("list the models of the store")
    .argument("[name]", "the versions of one model")
    .option("--label <key=value>", "only those with the label; may be repeated", toLabels)
    .option("--json", "print JSON")
    .action(
      async (
        name: string | undefined,
        options: { label?: Record<string, string>; json?: boolean },
      ) => {
        const store = await openStore();
        const found = await store.list({
          ...(name === undefined ? {} : { name }),
          ...(options.label === undefined ? {} : { labels: options.label }),
        });
        if (options.json === true) {
          const { toListedModel } = await import("../../store/models.js");
          console.log(JSON.stringify(found.map(toListedModel), null, 2));
          return;
        }
        // Says what is there when the name is unknown.
        if (found.length === 0 && name !== undefined) await store.find(name);
        if (found.length === 0) {
          const what = options.label === undefined ? "" : " with these labels";
          console.log(`The store ${store.directory} has no models${what}.`);
          return;
        }
        console.log(await printList(found));
      },
    );
}

async function printList(found: readonly ListedModel[]): Promise<string> {
  const { printBytes, printTable } = await import("../print-table.js");
  const rows = found.map((one) => {
    const tag = `${one.name}:${one.version}`;
    if (one.damaged !== undefined) return [tag, "damaged", "", "", "", "", ""];
    const { record, aliases } = one;
    return [
      tag,
      record.kind,
      record.created.slice(0, 19).replace("T", " "),
      printBytes(record.files.reduce((sum, { size }) => sum + size, 0)),
      aliases.join(" "),
      printPairs(record.metrics),
      printPairs(record.labels),
    ];
  });
  return printTable(
    ["model", "kind", "created (UTC)", "size", "aliases", "metrics", "labels"],
    rows,
  );
}

function addShow(models: Command): void {
  models
    .command("show")
    .description("show a model, and check the hashes of its files")
    .argument("<model>", "name, name:version or name@alias")
    .option("--json", "print JSON")
    .action(async (reference: string, options: { json?: boolean }) => {
      const { checkModelFiles } = await import("../../store/model-files.js");
      const { printBytes, printTable } = await import("../print-table.js");
      const { printTag } = await import("../../core/tag.js");
      const store = await openStore();
      const found = await store.find(reference);
      const { record, aliases } = found;
      await checkModelFiles(store.directory, record);
      if (options.json === true) {
        console.log(JSON.stringify({ ...record, aliases }, null, 2));
        return;
      }
      const facts: [string, string][] = [
        ["kind", record.kind],
        ["created", record.created],
        ["digest", record.digest],
        ["from", printPairs(record.provenance)],
        ["aliases", aliases.join(" ")],
        ["metrics", printPairs(record.metrics)],
        ["labels", printPairs(record.labels)],
      ];
      const lines = facts
        .filter(([, text]) => text !== "")
        .map(([key, text]) => `  ${key.padEnd(8)} ${text}`);
      const files = record.files.map(({ path, size, sha256 }) => [path, printBytes(size), sha256]);
      console.log([printTag(record), ...lines].join("\n"));
      console.log(`\n${printTable(["file", "size", "sha256"], files)}`);
    });
}

function addTag(models: Command): void {
  withFacts(
    models
      .command("tag")
      .description("set labels, metrics and aliases of a model")
      .argument("<model>", "name, name:version or name@alias"),
  )
    .option("--remove-label <key>", "take a label away; may be repeated", toNames)
    .option("--remove-metric <key>", "take a metric away; may be repeated", toNames)
    .option("--remove-alias <alias>", "take an alias away; may be repeated", toNames)
    .action(async (reference: string, options: TagOptions) => {
      const { printTag } = await import("../../core/tag.js");
      const { EkibenError } = await import("../../core/errors.js");
      if (Object.keys(options).length === 0) {
        throw new EkibenError("COMMAND_INVALID", {
          detail: "Nothing was given to set.",
          hint: "Give --label, --metric or --alias, or one of them to remove.",
        });
      }
      const store = await openStore();
      const { record, aliases } = await store.tag(reference, {
        labels: { ...toNulls(options.removeLabel), ...options.label },
        metrics: { ...toNulls(options.removeMetric), ...options.metric },
        ...(options.alias === undefined ? {} : { aliases: options.alias }),
        ...(options.removeAlias === undefined ? {} : { dropAliases: options.removeAlias }),
      });
      const parts = [
        printTag(record),
        ...aliases.map((alias) => `@${alias}`),
        printPairs(record.metrics),
        printPairs(record.labels),
      ];
      console.log(parts.filter((part) => part !== "").join("  "));
    });
}

function addDelete(models: Command): void {
  models
    .command("delete")
    .description("remove a version of a model for good; bundles keep their files")
    .argument("<model>", "name:version, name@alias, or name for the latest")
    .option("-y, --yes", "do not ask")
    .action(async (reference: string, options: { yes?: boolean }) => {
      const { confirmRemoval } = await import("../confirm.js");
      const { printTag } = await import("../../core/tag.js");
      const store = await openStore();
      const found = await store.locate(reference);
      if (!(await confirmRemoval(printTag(found), options))) return;
      await store.remove(printTag(found));
      console.log(`Removed ${printTag(found)}`);
    });
}

async function openStore(): Promise<ModelStore> {
  return (await import("../../store/model-store.js")).openModelStore();
}

function withFacts(command: Command): Command {
  return command
    .option("--label <key=value>", "a word to find it by; may be repeated", toLabels)
    .option("--metric <key=number>", "a number to compare it by; may be repeated", toMetrics)
    .option("--alias <alias>", "a name that leads to this version; may be repeated", toNames);
}

function toFacts({
  label,
  metric,
  alias,
}: { [Key in keyof FactOptions]: FactOptions[Key] | undefined }) {
  return {
    ...(label === undefined ? {} : { labels: label }),
    ...(metric === undefined ? {} : { metrics: metric }),
    ...(alias === undefined ? {} : { aliases: alias }),
  };
}

function toNulls(keys: readonly string[] = []): Record<string, null> {
  return Object.fromEntries(keys.map((key) => [key, null]));
}
