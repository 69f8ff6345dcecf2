import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CLI, ROOT } from "../bench/prepare.js";
import { run } from "../bench/processes.js";

const SERVICE = new URL("services/everything.js", import.meta.url);

/** @typedef {Awaited<ReturnType<typeof serveEverything>>} Serving */

/** Builds the service with all inputs and outputs and serves its bundle as production does. */
export async function serveEverything() {
  if (!existsSync(CLI)) throw new Error(`There is no ${CLI}: run \`npm run build\` first.`);
  const directory = await realpath(await mkdtemp(join(tmpdir(), "ekiben-fuzz-")));
  const temporary = join(directory, "tmp");
  await mkdir(temporary);
  const env = {
    ...process.env,
    NODE_ENV: "production",
    EKIBEN_HOME: join(directory, "home"),
    TMPDIR: temporary,
    TEMP: temporary,
    TMP: temporary,
  };
  const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 3 });
  try {
    const bundle = join(directory, "bundle");
    const args = ["build", fileURLToPath(SERVICE), "--output", bundle, "--no-verify"];
    await run(process.execPath, [CLI, ...args], { cwd: ROOT, env, limitMs: 60_000 });
    const child = spawn(process.execPath, ["--expose-gc", CLI, "serve", bundle, "--port", "0"], {
      cwd: directory,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return await watch(child, { directory, temporary, remove });
  } catch (error) {
    await remove();
    throw error;
  }
}

async function watch(child, { directory, temporary, remove }) {
  let output = "";
  let port = 0;
  /** Lines that tell of a failure: no request should cause one. */
  const failures = [];
  let ready;
  const started = new Promise((resolve) => (ready = resolve));
  const read = (text) => {
    output += text;
    const lines = output.split("\n");
    output = lines.pop();
    for (const line of lines) {
      const found = /answers on http:\/\/[^"\s]*:(\d+)/.exec(line)?.[1];
      if (found !== undefined) {
        port = Number(found);
        ready();
      } else if (!/^\{"log\.level":"(debug|info|warn)"/.test(line)) failures.push(line);
    }
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", read);
  const exited = once(child, "close");
  exited.then(ready, ready);
  await started;
  if (port === 0) {
    await remove();
    throw new Error(`ekiben serve ended:\n${failures.join("\n")}\n${output}`);
  }
  return {
    port,
    child,
    failures,
    /** What an answer must not have: the folders of this machine. */
    secrets: [directory, ROOT],
    isAlive: () => child.exitCode === null && child.signalCode === null,
    listTemporary: () => listFiles(temporary),
    /** Resident memory in bytes, where the system tells it. */
    rssBytes() {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
        return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
      } catch {
        return 0;
      }
    },
    /** @returns {Promise<number | string>} the exit code, or the signal that ended it */
    async stop() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 40_000);
      const [code, signal] = await exited;
      clearTimeout(late);
      return code ?? signal;
    },
    remove,
  };
}

/** The files in a folder and those below it; folders without files do not count. */
function listFiles(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? listFiles(path) : [path];
  });
}
