import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDenseLayers } from "./dense-network.js";
import { writeDenseNetwork } from "./onnx-model.js";
import { run } from "./processes.js";
import { createRandom } from "./random.js";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const CLI = join(ROOT, "dist/sdk/cli/main.js");

/** A server of ours or of somebody else, in a file beside this one. */
export const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** @throws Error when there is nothing to measure. */
export function checkBuild() {
  if (!existsSync(CLI)) {
    throw new Error(
      `There is no ${CLI}: run \`npm run build\` first; the benchmarks measure dist.`,
    );
  }
}

/** The folder of one run: models, and a store of its own with the bundles. */
export async function createWorkplace() {
  const directory = await mkdtemp(join(tmpdir(), "ekiben-bench-"));
  const services = join(directory, "services");
  // A bundle finds its models beside the file that it is built from.
  await cp(here("services"), services, { recursive: true });
  await cp(here("features.js"), join(directory, "features.js"));
  await mkdir(join(services, "models"));
  const random = createRandom(30);
  const linear = join(services, "models/linear.onnx");
  const dense = join(services, "models/dense.onnx");
  await writeFile(
    linear,
    writeDenseNetwork({ layers: createDenseLayers({ widths: [30, 1], random }), last: "Sigmoid" }),
  );
  await writeFile(
    dense,
    writeDenseNetwork({
      layers: createDenseLayers({ widths: [256, 1024, 1024, 10], random }),
      last: "Softmax",
    }),
  );
  const built = new Map();
  const env = { EKIBEN_HOME: join(directory, "home") };

  return {
    directory,
    linear,
    env,
    /** The folder of the bundle of `services/<name>.js`, built once by `ekiben build`. */
    async bundle(name) {
      if (!built.has(name)) {
        const out = join(directory, "bundles", name);
        await mkdir(join(directory, "bundles"), { recursive: true });
        await run(process.execPath, [CLI, "build", join(services, `${name}.js`), "--output", out], {
          cwd: directory,
          env,
          limitMs: 60_000,
        });
        built.set(name, out);
      }
      return built.get(name);
    },
    remove: () => rm(directory, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/**
 * A bundle as production serves it.
 * @param {Awaited<ReturnType<typeof createWorkplace>>} workplace
 * @param {string} name @param {{ path: string, body: string }} probe
 */
export async function servedBundle(workplace, name, probe) {
  const bundle = await workplace.bundle(name);
  return {
    name: "ekiben serve",
    command: (port) => [CLI, "serve", bundle, "--port", String(port)],
    cwd: workplace.directory,
    env: workplace.env,
    probe,
  };
}

/** The same model behind a server without a framework. */
export function handWritten(workplace, probe) {
  return {
    name: "the hand-written server",
    command: (port) => [here("servers/hand-written.js"), workplace.linear, String(port)],
    cwd: ROOT,
    probe,
  };
}
