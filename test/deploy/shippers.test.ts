import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import {
  SHIPPER_OUTPUTS,
  SHIPPERS,
  toShipperConfig,
  type ShipperOptions,
} from "../../sdk/deploy/shippers.js";
import { makeHome, type CliHome } from "../cli/run-cli.js";
import { eventually, listLogs, readLogs } from "../observability/log-folder.js";

const RSYSLOGD = ["/usr/sbin/rsyslogd", "/sbin/rsyslogd"].find((path) => existsSync(path));

let home: CliHome;
const children = new Set<ChildProcess>();
beforeAll(async () => {
  home = await makeHome();
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await home[Symbol.asyncDispose]();
});

describe("configurations", () => {
  const options = (output: ShipperOptions["output"]): ShipperOptions => ({
    directory: '/var/log/it"s here',
    output,
    to: output === "file" ? "/tmp/out" : "one:9092,two:9092",
  });

  test.each(["filebeat", "fluent-bit", "vector"] as const)(
    "%s: valid YAML, each stream",
    (name) => {
      for (const output of SHIPPER_OUTPUTS) {
        const text = toShipperConfig(name, options(output));
        const config = parse(text) as object;
        for (const stream of ["access", "prediction", "feedback"]) {
          expect(JSON.stringify(config)).toContain(`/var/log/it\\"s here/${stream}.log`);
        }
      }
    },
  );

  test("what they say of outputs stands where each looks for it", () => {
    const filebeat = parse(toShipperConfig("filebeat", options("kafka"))) as any;
    expect(filebeat["output.kafka"].hosts).toEqual(["one:9092", "two:9092"]);
    expect(filebeat["filebeat.inputs"]).toHaveLength(3);
    const fluent = parse(toShipperConfig("fluent-bit", options("kafka"))) as any;
    expect(fluent.pipeline.outputs[0]).toMatchObject({ name: "kafka", topics: "ekiben" });
    const vector = parse(toShipperConfig("vector", options("kafka"))) as any;
    expect(vector.sinks.out).toMatchObject({ type: "kafka", inputs: ["parsed"] });
    expect(vector.sources.ekiben.include).toHaveLength(6);
  });

  test("the command prints them, and knows no others", async () => {
    for (const shipper of SHIPPERS) {
      const { code, stdout } = await home.run(["logs", "shipper", shipper, "--dir", "/logs"]);
      expect(code).toBe(0);
      expect(stdout).toContain("/logs/prediction.log");
    }
    const other = await home.run(["logs", "shipper", "logstash"]);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain("filebeat, fluent-bit, vector, rsyslog");
  });
});

if (RSYSLOGD === undefined && process.env["CI"] === undefined) {
  test.skip("rsyslog is not installed here (Debian's package rsyslog)", () => {});
} else {
  test("rsyslog gets each line of two workers once, over rotations", async () => {
    const directory = join(home.path, "shipped");
    const state = join(home.path, "state");
    const out = join(home.path, "out.log");
    await mkdir(state);
    await mkdir(directory);
    const conf = join(home.path, "rsyslog.conf");
    const shipper = ["logs", "shipper", "rsyslog", "--output", "file", "--to", out];
    const { stdout } = await home.run([...shipper, "--dir", directory, "--state", state]);
    await writeFile(conf, stdout);

    await home.build("words.ts");
    const server = await home.serve([
      "words",
      "--port=0",
      "--workers=2",
      `--log-dir=${directory}`,
      "--log-rotate-size=60KB",
      "--log-keep-files=1000",
    ]);
    const pid = join(home.path, "rsyslog.pid");
    const rsyslog = spawn(RSYSLOGD!, ["-n", "-f", conf, "-i", pid], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    children.add(rsyslog);
    let errors = "";
    rsyslog.stderr!.setEncoding("utf8").on("data", (text: string) => (errors += text));

    const shipped = async (): Promise<Record<string, any>[]> => {
      const text = await readFile(out, "utf8").catch(() => "");
      return text
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    };
    const sent: string[] = [];
    // Rotations come in the middle of each phase, and phases are as far apart as the shipper needs.
    for (let phase = 0; phase < 4; phase++) {
      for (let i = 0; i < 60; i++) {
        const id = `${phase}-${i}`;
        sent.push(id);
        const answer = await fetch(`${server.url}/v1/shout`, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            "x-request-id": id,
            // Each worker gets some of them.
            connection: "close",
          },
          body: JSON.stringify({ text: `${phase} é "\t`.repeat(20) }),
        });
        expect(answer.status).toBe(200);
        await answer.arrayBuffer();
      }
      await eventually(async () => (await shipped()).length >= sent.length * 2, 60_000).catch(
        () => {
          throw new Error(`the shipper did not catch up: ${errors}`);
        },
      );
    }
    await server.stop();
    const lines = await shipped();
    for (const stream of ["prediction", "access"] as const) {
      const ids = lines
        .filter((line) => line["message"] === stream)
        .map((line) => line["http.request.id"]);
      expect(ids.sort()).toEqual([...sent].sort());
      const written = (await readLogs(directory, stream)).map((line) => JSON.parse(line));
      expect(lines.filter((line) => line["message"] === stream)).toEqual(
        expect.arrayContaining(written),
      );
    }
    expect(new Set(lines.map((line) => line["process.pid"])).size).toBe(2);
    expect((await listLogs(directory, "prediction")).length).toBeGreaterThan(2);
    rsyslog.kill("SIGTERM");
  });
}
