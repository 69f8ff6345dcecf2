import type { Command } from "commander";

/** `ekiben list`. */
export function addList(program: Command): void {
  program
    .command("list")
    .description("list the bundles of the store")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }) => {
      const { openLocalStore } = await import("../../store/local-store.js");
      const { printBytes, printTable } = await import("../print-table.js");
      const store = openLocalStore();
      const found = await store.list();
      if (options.json === true) {
        const rows = found.map(({ name, version, directory, manifest, size, damaged }) => ({
          name,
          version,
          directory,
          ...(manifest === undefined
            ? { damaged }
            : {
                created: manifest.created,
                digest: manifest.digest,
                size,
                labels: manifest.labels,
              }),
        }));
        console.log(JSON.stringify(rows, null, 2));
        return;
      }
      if (found.length === 0) {
        console.log(`The store ${store.directory} is empty.`);
        return;
      }
      const rows = found.map(({ name, version, manifest, size }) =>
        manifest === undefined
          ? [`${name}:${version}`, "damaged", "", ""]
          : [
              `${name}:${version}`,
              manifest.created.slice(0, 19).replace("T", " "),
              printBytes(size ?? 0),
              Object.entries(manifest.labels)
                .map(([key, value]) => `${key}=${value}`)
                .join(" "),
            ],
      );
      console.log(printTable(["bundle", "created (UTC)", "size", "labels"], rows));
    });
}
