import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";

/** A sample of an answer: its labels and its value. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A Prometheus of its own, which scrapes one target every second. */
export interface PrometheusServer extends AsyncDisposable {
  /** Asks for the value now. @throws when Prometheus does not take the expression */
  query(expression: string): Promise<Sample[]>;
  /** Asks for values over the last minutes. */
  queryRange(expression: string): Promise<number>;
  /** The names of firing and pending rules that could be evaluated, by their health. */
  rules(): Promise<Record<string, string>>;
}

export async function startPrometheus(
  folder: string,
  { target, rules }: { target: string; rules: string },
): Promise<PrometheusServer> {
  const port = await findFreePort();
  await writeFile(join(folder, "rules.yaml"), rules);
  await writeFile(
    join(folder, "prometheus.yaml"),
    stringify({
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: ["rules.yaml"],
      scrape_configs: [{ job_name: "ekiben", static_configs: [{ targets: [target] }] }],
    }),
  );
  const child = spawn(
    "prometheus",
    [
      `--config.file=${join(folder, "prometheus.yaml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const exited = once(child, "exit");
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => (log += part));
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    const response = await fetch(`${url}/-/ready`).catch(() => undefined);
    if (response?.ok === true) break;
    if (tries > 600 || child.exitCode !== null) throw new Error(`prometheus: ${log}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }

  async function ask(path: string, params: Record<string, string>): Promise<any> {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(params)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: any };
    if (answer.status !== "success") throw new Error(`${params["query"]}: ${answer.error}`);
    return answer.data;
  }

  return {
    async query(expression) {
      const { result } = await ask("query", { query: expression });
      return result.map((one: any) => ({ labels: one.metric, value: Number(one.value[1]) }));
    },
    async queryRange(expression) {
      const end = Date.now() / 1000;
      const range = { start: String(end - 120), end: String(end), step: "1" };
      const { result } = await ask("query_range", { query: expression, ...range });
      return result.reduce((sum: number, one: any) => sum + one.values.length, 0);
    },
    async rules() {
      const { groups } = await ask("rules", {});
      const rules = groups.flatMap((group: any) => group.rules) as any[];
      return Object.fromEntries(rules.map(({ name, health }) => [name, health]));
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
      await exited;
      clearTimeout(late);
    },
  };
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
