import { readFileSync } from "node:fs";
import { cpus, loadavg, platform, release, totalmem } from "node:os";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** What the numbers were made on. */
export function describeMachine() {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? "unknown",
    cores: all.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    load: loadavg().map((value) => Number(value.toFixed(2))),
    system: `${platform()} ${release().split("-")[0]}`,
    node: process.versions.node,
    packages: Object.fromEntries(
      ["ekiben", "onnxruntime-node", "hono", "@hono/node-server", "zod"].map((name) => [
        name,
        findVersion(name),
      ]),
    ),
  };
}

function findVersion(name) {
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return JSON.parse(readFileSync(`${folder}/${name}/package.json`, "utf8")).version;
    } catch {
      // Not in this folder.
    }
  }
  return require("../../package.json").version;
}

/** @param {ReturnType<typeof describeMachine>} machine */
export function printMachine({ cpu, cores, memoryGb, load, system, node, packages }) {
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return [
    `${cores} × ${cpu}, ${memoryGb} GB, ${system}, Node ${node}`,
    `load average ${load.join(" ")}`,
    versions.join(", "),
  ];
}
