import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import type * as ts from "@tslab/typescript-for-tslab";
import type { NotebookHost } from "ekiben";
import { createCellCompiler, ENTER, toEnterCall, TSLAB } from "./cell-compiler.js";
import { print } from "./cell-errors.js";
import { createCellRunner } from "./cell-runner.js";
import { createEmitMaps } from "./emit-maps.js";
import { createKernelServer, type RequestHandler } from "./kernel-server.js";
import { createLifetime, watchParent } from "./lifetime.js";
import { findTslab, loadTslab, type TslabInstallation } from "./load-tslab.js";
import { createPackageOverlay } from "./package-overlay.js";
import { PROTOCOL_VERSION, type ConnectionInfo } from "./protocol.js";
import { createRecorder } from "./recorder.js";
import { createStackTraces } from "./stack-traces.js";

/** What tslab keeps for the code of its cells. */
interface TslabGlobal {
  [ENTER]?: unknown;
}

/** Runs the kernel that `connectionFile` describes, until Jupyter or this process ends. */
export async function startKernel(connectionFile: string, directory: string): Promise<void> {
  const connection = JSON.parse(readFileSync(connectionFile, "utf8")) as ConnectionInfo;
  const installation = findTslab(directory);
  if (installation === undefined) {
    // Loaded only for this: without the SDK a kernel starts faster.
    const { toMissingTslab } = await import("./missing-tslab.js");
    throw toMissingTslab();
  }
  const home = dirname(createRequire(import.meta.url).resolve("ekiben/package.json"));
  const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));

  const overlay = createPackageOverlay(directory, home);
  const maps = createEmitMaps({
    prefix: (module, file) => toEnterCall(tslab.typescript, module, file),
    options: (options) => withNodeTypes(options, installation),
  });
  const tslab = loadTslab(installation, (typescript) => ({
    ...maps.adapt(typescript),
    sys: overlay.adaptSystem(typescript.sys),
  }));
  overlay.adaptModules();

  const kernelFiles = `${dirname(fileURLToPath(import.meta.url))}${sep}`;
  const traces = createStackTraces({
    isInternal: (file) => {
      const path = file.startsWith("file:") ? fileURLToPath(file) : file;
      return path.startsWith(kernelFiles) || path.startsWith(`${installation.folder}${sep}`);
    },
  });
  traces.install();

  const compiler = createCellCompiler(tslab, maps, traces, directory);
  let thrown: unknown[] = [];
  const executor = tslab.executor.createExecutor(directory, compiler, {
    log: (value: unknown) => console.log(value),
    error: (value: unknown, ...rest: unknown[]) => {
      // What a cell throws comes alone; findings of the compiler come with a format.
      if (rest.length === 0) thrown.push(value);
      else if (compiler.diagnostics.length === 0) console.error(format(value, ...rest));
    },
  });
  // Compiling anything loads the declarations of the standard library.
  void compiler.node;

  const cellGlobal = (globalThis as unknown as Record<string, TslabGlobal>)[TSLAB];
  const shown = new Set<string>();
  const display: NotebookHost["display"] = (data, id) => {
    const { lastWriteDisplayData } = tslab.jupyter as unknown as {
      lastWriteDisplayData: ((content: Record<string, unknown>, update: boolean) => void) | null;
    };
    const transient = id === undefined ? {} : { display_id: id };
    const update = id !== undefined && shown.has(id);
    if (id !== undefined) shown.add(id);
    lastWriteDisplayData?.({ data: { ...data }, metadata: {}, transient }, update);
  };
  const recorder = createRecorder({
    exported: executor.locals,
    kernel: { name: "ekiben", version },
    directory,
    display,
    resolve: overlay.resolve,
  });
  if (cellGlobal !== undefined) cellGlobal[ENTER] = recorder.enter;
  (globalThis as Record<symbol, unknown>)[Symbol.for("ekiben.notebook")] = recorder.host;

  const runner = createCellRunner({
    executor,
    compiler,
    recorder,
    jupyter: tslab.jupyter,
    takeThrown() {
      const taken = thrown;
      thrown = [];
      return taken;
    },
  });
  const lifetime = createLifetime((code) => process.exit(code));
  const jupyter = new tslab.jupyter.JupyterHandlerImpl(executor, false);
  const plain = (handle: (content: never) => object): RequestHandler => {
    return (content) => handle(content as never) as Record<string, unknown>;
  };
  const server = createKernelServer(connection, {
    kernel_info_request: () => ({
      ...jupyter.handleKernel(),
      status: "ok",
      protocol_version: PROTOCOL_VERSION,
      implementation: "ekiben",
      implementation_version: version,
      banner: `ekiben ${version}, TypeScript ${tslab.typescript.version}, Node ${process.version}`,
    }),
    execute_request: (content, publish) => runner.run(content, publish),
    is_complete_request: plain((content) => jupyter.handleIsComplete(content)),
    inspect_request: plain((content) => jupyter.handleInspect(content)),
    complete_request: plain((content) => jupyter.handleComplete(content)),
    comm_info_request: () => ({ status: "ok", comms: {} }),
    history_request: () => ({ status: "ok", history: [] }),
    interrupt_request: () => {
      executor.interrupt();
      return { status: "ok" };
    },
    shutdown_request: (content) => {
      void lifetime.end(0);
      return { status: "ok", restart: content["restart"] === true };
    },
  });

  process.on("SIGINT", () => executor.interrupt());
  for (const signal of ["SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => void lifetime.end(0));
  }
  process.on("uncaughtException", (error) => {
    console.error(`Uncaught outside of a cell: ${print(error)}`);
  });
  process.on("unhandledRejection", (reason) => {
    console.error(`Unhandled rejection of a promise: ${print(reason)}`);
  });
  watchParent(process.env, () => void lifetime.end(0));
  await server.listen();
}

/** Where a folder has no types of Node, the ones that tslab was installed with are used. */
function withNodeTypes(
  options: ts.CompilerOptions,
  installation: TslabInstallation,
): ts.CompilerOptions {
  const require = createRequire(join(installation.folder, "package.json"));
  const roots = options.typeRoots ?? [];
  try {
    for (const root of roots) {
      try {
        require.resolve(join(root, "node", "package.json"));
        return options;
      } catch {
        // Not this one.
      }
    }
    const folder = dirname(dirname(require.resolve("@types/node/package.json")));
    return { ...options, typeRoots: [...roots, folder] };
  } catch {
    return options;
  }
}
