import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { CLI, ROOT } from "../../bench/prepare.js";
import { findPort, run as runToEnd } from "../../bench/processes.js";
import { createTrend, MIB } from "../trend.js";

export const title =
  "two workers that are reloaded and killed meanwhile, with the prediction log on";

const SERVICE = fileURLToPath(new URL("../services/steady.js", import.meta.url));
const CONNECTIONS = 8;
const PAUSE_MS = 20;
/** A request that was under way on a worker when it was killed may fail, and no other one. */
const KILL_MS = 2_000;

/** @param {import("../run.js").Order} order */
export async function run({ seconds, say }) {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "ekiben-soak-")));
  const logs = join(directory, "logs");
  const env = { ...process.env, NODE_ENV: "production", EKIBEN_HOME: join(directory, "home") };
  const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 3 });
  let child;
  try {
    await runToEnd(process.execPath, [CLI, "build", SERVICE, "--no-verify"], {
      cwd: ROOT,
      env,
      limitMs: 60_000,
    });
    const [port, admin] = [await findPort(), await findPort()];
    const args = ["serve", "steady", "--port", port, "--admin-port", admin, "--workers", "2"];
    const logging = ["--log-dir", logs, "--log-rotate-size", "1000000", "--log-keep-files", "3"];
    child = spawn(process.execPath, [CLI, ...args.map(String), ...logging], {
      cwd: directory,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return await soak({ child, port, admin, logs }, { seconds, say });
  } finally {
    if (child !== undefined && child.exitCode === null) child.kill("SIGKILL");
    await remove();
  }
}

async function soak({ child, port, admin, logs }, { seconds, say }) {
  let written = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => (written = (written + text).slice(-20_000)));
  }
  const exited = once(child, "exit");
  await untilReady(admin, 2, () => written);

  const trends = {
    rss: createTrend("resident memory of the primary", { most: 24 * MIB, unit: "MiB" }),
    descriptors: createTrend("descriptors of the primary", { most: 6 }),
    worker: createTrend("resident memory of a worker", { most: 48 * MIB, unit: "MiB" }),
    logs: createTrend("log files", { most: 4 * MIB, unit: "MiB" }),
  };
  const findings = [];
  const end = performance.now() + seconds * 1000;
  const isOver = () => performance.now() > end;
  let answered = 0;
  let cut = 0;
  let killedAt = -Infinity;
  const wrong = (what) => {
    if (performance.now() - killedAt < KILL_MS) cut += 1;
    else if (findings.length < 20) findings.push(what);
  };

  const ask = async (_, client) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let at = client; !isOver(); at += CONNECTIONS) {
      const answer = await post({ port, agent, path: "/v1/double" }, { value: at }).catch(String);
      if (answer?.status === 200 && answer.body?.doubled === 2 * at) answered += 1;
      else wrong(`the answer to ${at} was ${JSON.stringify(answer).slice(0, 300)}`);
      await sleep(PAUSE_MS);
    }
    agent.destroy();
  };
  const look = async () => {
    const everyMs = Math.max(1000, Math.min(10_000, (seconds * 1000) / 40));
    while (!isOver()) {
      await sleep(everyMs);
      trends.rss.add(rssOf(child.pid));
      trends.descriptors.add(descriptorsOf(child.pid));
      const { body } = await get(admin, "/workers");
      for (const { pid } of body.workers) trends.worker.add(rssOf(pid));
      trends.logs.add(sizeOf(logs));
    }
  };
  // Reloads lose nothing; a kill loses what its worker had under way.
  const disturb = async () => {
    const everyMs = Math.max(5_000, Math.min(60_000, (seconds * 1000) / 10));
    for (let round = 1; !isOver(); round++) {
      await sleep(everyMs);
      if (isOver()) break;
      if (round % 3 === 0) {
        const { body } = await get(admin, "/workers");
        const victim = body.workers.find(({ pid }) => pid !== undefined);
        killedAt = performance.now();
        if (victim !== undefined) process.kill(victim.pid, "SIGKILL");
      } else if (process.platform !== "win32") {
        child.kill("SIGHUP");
      }
      if (round % 10 === 0) say(`${answered} answers, ${cut} cut by kills, ${trends.rss.tell()}`);
    }
  };
  await Promise.all([look(), disturb(), ...Array.from({ length: CONNECTIONS }, ask)]);
  await untilReady(admin, 2, () => written);
  child.kill("SIGTERM");
  const [code] = await exited;
  const told = Object.values(trends).map((trend) => trend.tell());
  say(`${answered} answers, ${cut} cut by kills; ${told.join(", ")}`);
  if (answered === 0) findings.push("nothing was answered");
  if (code !== 0) findings.push(`the server ended with ${code}: ${written.slice(-2000)}`);
  return [...findings, ...Object.values(trends).flatMap((trend) => trend.findings())];
}

async function untilReady(admin, workers, output) {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const { body } = await get(admin, "/readyz").catch(() => ({ body: undefined }));
    if (body?.workers?.ready === workers) return;
    if (performance.now() > deadline) throw new Error(`The server is not ready.\n${output()}`);
    await sleep(200);
  }
}

function post(target, body) {
  return send(
    { ...target, method: "POST", headers: { "content-type": "application/json" } },
    JSON.stringify(body),
  );
}

function get(port, path) {
  return send({ port, path, method: "GET" }, "");
}

/** @returns {Promise<{ status: number, body: any }>} */
function send(options, body) {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", ...options }, (reply) => {
      let text = "";
      reply.setEncoding("utf8").on("data", (part) => (text += part));
      reply.on("error", reject);
      reply.on("end", () => {
        try {
          resolve({ status: reply.statusCode ?? 0, body: JSON.parse(text) });
        } catch {
          resolve({ status: reply.statusCode ?? 0, body: text });
        }
      });
    });
    sent.setTimeout(30_000, () => sent.destroy(new Error("no answer within 30 s")));
    sent.on("error", reject);
    sent.end(body);
  });
}

function rssOf(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}

function descriptorsOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined;
  }
}

function sizeOf(folder) {
  try {
    return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  } catch {
    return undefined;
  }
}
