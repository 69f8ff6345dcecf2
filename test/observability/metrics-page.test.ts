import { readFile } from "node:fs/promises";
import { z } from "zod";
import { expect, test } from "vitest";
import { createApp } from "../../sdk/http/create-app.js";
import { json } from "../../sdk/inputs/json.js";
import { eventStream } from "../../sdk/outputs/event-stream.js";
import type { ModelDefinition } from "../../sdk/models/model.js";
import { silentLog } from "../../sdk/observability/log.js";
import { createMetrics } from "../../sdk/observability/metrics.js";
import { createServiceMetrics } from "../../sdk/observability/service-metrics.js";
import { createRuntime } from "../../sdk/service/create-runtime.js";
import { createDefineService } from "../../sdk/service/define-service.js";
import type { ServiceFaces } from "../../sdk/service/faces.js";

interface Documented {
  type: string;
  labels: string[];
}

/** The rows of the tables that are of one process without logs; `prometheus.test.ts` has all. */
async function readPage(): Promise<Map<string, Documented>> {
  const file = new URL("../../sdk/observability/metrics.md", import.meta.url);
  const page = (await readFile(file, "utf8"))
    .replace(/^## Workers$[^]*?(?=^## )/m, "")
    .replace(/^.*ekiben_log_.*$/m, "");
  const rows = page.matchAll(/^\| `(ekiben_\w+)` \| (\w+) \|([\w, ]*)\| .+ \|$/gm);
  const split = (labels: string): string[] => labels.split(", ").filter((one) => one !== "");
  return new Map(
    Array.from(rows, ([, name, type, labels]) => [
      name!,
      { type: type!, labels: split(labels!.trim()).toSorted() },
    ]),
  );
}

/** What a scrape has: the type of each metric and the labels of its series. */
function readScrape(text: string): Map<string, Documented> {
  const found = new Map<string, Documented>();
  for (const [, name, type] of text.matchAll(/^# TYPE (ekiben_\w+) (\w+)$/gm)) {
    const suffix = type === "histogram" ? "_count" : "";
    const series = new RegExp(`^${name}${suffix}\\{([^}]*)\\} `, "m").exec(text);
    const labels = Array.from(series?.[1]!.matchAll(/(\w+)="/g) ?? [], ([, label]) => label!);
    expect(labels, `${name} has a series`).toContain("service");
    found.set(name!, {
      type: type!,
      labels: labels.filter((label) => label !== "service").toSorted(),
    });
  }
  return found;
}

const net: ModelDefinition = {
  kind: "net",
  files: async () => [],
  load: async () => ({
    async predict(xs: number[][]) {
      if (xs[0]![0] === 13) throw new RangeError("unlucky");
      return xs.map(([x]) => x! * 2);
    },
    describe: () => ({ kind: "net" }),
    release() {},
  }),
};

test("the page names every metric of a scrape with its type and labels, and no other", async () => {
  const defineService = createDefineService({} as ServiceFaces);
  let gate: Promise<void> | undefined;
  const { definition } = defineService({ name: "page" })
    .models({ net })
    .api("f", {
      input: json(z.object({ x: z.number() })),
      batch: { maxBatchSize: 2, maxQueueItems: 2 },
      async handler(xs, { models }) {
        await gate;
        return (await (models.net as any).predict(xs.map(({ x }) => [x]))) as number[];
      },
    })
    .api("breaks", {
      input: json(z.object({ x: z.number() })),
      output: eventStream(z.number()),
      async *handler({ x }) {
        yield x;
        throw new RangeError("asked to break");
      },
    });
  const serviceMetrics = createServiceMetrics({
    service: "page",
    version: "1",
    processMetrics: true,
  });
  const runtime = createRuntime(definition, {
    log: silentLog,
    metrics: createMetrics(serviceMetrics.registry),
    checkOutputs: false,
    observer: serviceMetrics.observer,
  });
  await runtime.start();
  const app = createApp(runtime, { mode: "production", log: silentLog, serviceMetrics });
  const ask = async (x: number, path = "/f"): Promise<number> => {
    const body = JSON.stringify({ x });
    const headers = { "content-type": "application/json" };
    const response = await app.request(path, { method: "POST", headers, body });
    await response.text();
    return response.status;
  };

  for (let x = 0; x < 4; x++) expect(await ask(x)).toBe(200);
  expect(await ask(13)).toBe(500);
  expect(await ask(1, "/breaks")).toBe(200);
  let open!: () => void;
  gate = new Promise((resolve) => (open = resolve));
  const crowd = Array.from({ length: 8 }, (_, x) => ask(x));
  while (runtime.apis.get("f")!.stats()!.shed["queue-full"] === 0) await pause();
  open();
  expect(new Set(await Promise.all(crowd))).toEqual(new Set([200, 503]));

  const scrape = async (): Promise<string> => (await app.request("/metrics")).text();
  // The event loop is looked at every 100 ms.
  while (!/^ekiben_event_loop_lag_seconds_count/m.test(await scrape())) await pause();
  const text = await scrape();
  expect(Object.fromEntries(readScrape(text))).toEqual(Object.fromEntries(await readPage()));
  expect(text).toContain("process_resident_memory_bytes");
});

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
