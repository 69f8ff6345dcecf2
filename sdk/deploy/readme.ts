import type { Manifest, ManifestApi } from "../bundle/manifest.js";

/** The README of a bundle, for whoever finds the folder. */
export function toReadme(manifest: Manifest): string {
  const { name, version } = manifest;
  const tag = `${name}:${version}`;
  const parts = [
    `# ${tag}`,
    ...(manifest.description === undefined ? [] : [manifest.description]),
    `A prediction service saved by ekiben ${manifest.ekiben}. \`ekiben.json\` says what is in it, \`src/\` is its source, \`openapi.json\` its contract.`,
    "## Run it",
    fence(
      "sh",
      [
        ...(manifest.dependencies.length === 0
          ? []
          : ["npm ci                       # the packages it was written with"]),
        `npx ekiben@${manifest.ekiben} serve . --port 3000`,
      ].join("\n"),
    ),
    "In a container:",
    fence("sh", [`docker build -t ${tag} .`, `docker run --rm -p 3000:3000 ${tag}`].join("\n")),
    `\`npx ekiben@${manifest.ekiben} verify .\` starts it in an empty folder and sends it the requests in \`samples/\`.`,
    "## APIs",
    ...manifest.apis.flatMap(describeApi),
  ];
  if (manifest.models.length > 0) {
    parts.push(
      "## Models",
      table(
        ["name", "kind", "bytes"],
        manifest.models.map((model) => [
          model.name,
          model.kind,
          String(model.files.reduce((sum, { size }) => sum + size, 0)),
        ]),
      ),
    );
  }
  if (manifest.dependencies.length > 0) {
    parts.push(
      "## Packages",
      table(
        ["package", "version", "why"],
        manifest.dependencies.map((one) => [one.name, one.version, one.reason]),
      ),
    );
  }
  const labels = Object.entries(manifest.labels);
  if (labels.length > 0) parts.push("## Labels", table(["label", "value"], labels));
  return `${parts.join("\n\n")}\n`;
}

function describeApi(api: ManifestApi): string[] {
  const { batch } = api;
  const facts = [
    `input ${api.input.kind}, ${api.cardinality === "many" ? "many items a request" : "one item a request"}`,
    `${api.input.mediaTypes.join(", ")}`,
    ...(batch === undefined
      ? []
      : [`batches of up to ${batch.maxBatchSize} items within ${batch.maxLatencyMs} ms`]),
  ];
  const parts = [`### \`POST /${api.route}\``];
  if (api.summary !== undefined) parts.push(api.summary);
  if (api.description !== undefined) parts.push(api.description);
  parts.push(facts.map((fact) => `- ${fact}`).join("\n"));
  if (api.example !== undefined) {
    const body = JSON.stringify(api.example).replaceAll("'", String.raw`'\''`);
    parts.push(
      fence(
        "sh",
        `curl http://127.0.0.1:3000/${api.route} -H 'content-type: application/json' -d '${body}'`,
      ),
    );
  }
  return parts;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function fence(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}
