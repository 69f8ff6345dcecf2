import type { Command } from "commander";
import type { Manifest } from "../../bundle/manifest.js";

/** `ekiben show`. */
export function addShow(program: Command): void {
  program
    .command("show")
    .description("show what is in a bundle")
    .argument("<bundle>", "a tag, a folder, or an archive")
    .option("--json", "print the manifest")
    .action(async (target: string, options: { json?: boolean }) => {
      const { openBundle } = await import("../../bundle/load.js");
      const { findBundle } = await import("../../store/find-bundle.js");
      const found = await findBundle(target);
      try {
        const { manifest, directory } = await openBundle(found.directory);
        if (options.json === true) console.log(JSON.stringify(manifest, null, 2));
        else console.log(await describe(manifest, found.archive ?? directory));
      } finally {
        await found.dispose();
      }
    });
}

async function describe(manifest: Manifest, place: string): Promise<string> {
  const { printBytes, printTable } = await import("../print-table.js");
  const { allFiles } = await import("../../bundle/manifest.js");
  const files = allFiles(manifest);
  const bytes = (list: readonly { size: number }[]): string =>
    printBytes(list.reduce((sum, { size }) => sum + size, 0));
  const labels = Object.entries(manifest.labels).map(([key, value]) => `${key}=${value}`);
  const parts = [
    [
      `${manifest.name}:${manifest.version}`,
      ...(manifest.description === undefined ? [] : [manifest.description]),
      `  created  ${manifest.created} by ekiben ${manifest.ekiben} on Node ${manifest.node}`,
      `  digest   ${manifest.digest}`,
      `  size     ${bytes(files)} in ${files.length} files`,
      `  from     ${manifest.provenance.source}`,
      ...(labels.length === 0 ? [] : [`  labels   ${labels.join(" ")}`]),
      `  folder   ${place}`,
    ].join("\n"),
    printTable(
      ["api", "route", "input", "batch"],
      manifest.apis.map(({ name, method, route, input, batch }) => [
        name,
        `${method} /${route}`,
        input.kind,
        batch === undefined ? "" : `${batch.maxBatchSize} within ${batch.maxLatencyMs} ms`,
      ]),
    ),
  ];
  if (manifest.models.length > 0) {
    const rows = manifest.models.map((model) => [
      model.name,
      model.kind,
      bytes(model.files),
      printOrigin(model.description?.["provenance"]),
    ]);
    parts.push(printTable(["model", "kind", "size", "from"], rows));
  }
  if (manifest.dependencies.length > 0) {
    const rows = manifest.dependencies.map((one) => [one.name, one.version, one.reason]);
    parts.push(printTable(["package", "version", "why"], rows));
  }
  return parts.join("\n\n");
}

/** The model of the store or of a registry that it was taken from. */
function printOrigin(provenance: unknown): string {
  const { model, name, uri, version } = (provenance ?? {}) as Record<string, string | undefined>;
  const found = model ?? name ?? uri;
  return found === undefined ? "" : version === undefined ? found : `${found}:${version}`;
}
