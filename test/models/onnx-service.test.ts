import { z } from "zod";
import { expect, it } from "vitest";
import { Cancellation } from "../../sdk/core/cancellation.js";
import { json } from "../../sdk/inputs/json.js";
import { onnx, type OnnxOptions } from "../../sdk/models/onnx.js";
import type { Log, LogFields } from "../../sdk/observability/log.js";
import { createMetrics } from "../../sdk/observability/metrics.js";
import { createDefineService } from "../../sdk/service/define-service.js";
import { createRuntime } from "../../sdk/service/create-runtime.js";
import type { ServiceFaces } from "../../sdk/service/faces.js";
import type { Answer, Runtime } from "../../sdk/service/runtime.js";
import { createWriter } from "../../sdk/service/writer.js";
import { FIXTURES } from "./fixture.js";
import { madeFile } from "./onnx-made.js";
import { invoke } from "../service/invoke.js";

interface Line {
  level: string;
  message: string;
  fields: LogFields;
}

function createLines(): { log: Log; lines: Line[] } {
  const lines: Line[] = [];
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}): void =>
      void lines.push({ level, message, fields });
  const log: Log = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: () => log,
  };
  return { log, lines };
}

/** A service of one batched API that hands its items to a model in one call. */
async function serve(
  file: string,
  options?: OnnxOptions,
): Promise<{ runtime: Runtime; lines: Line[]; batches: number[] }> {
  const batches: number[] = [];
  const defineService = createDefineService({} as ServiceFaces);
  const service = defineService({ name: "s" })
    .models({ net: onnx(file, options) })
    .api("predict", {
      input: json(z.array(z.number())),
      output: z.array(z.number()),
      batch: {},
      async handler(items, { models }) {
        batches.push(items.length);
        const out = await models.net.predict(items);
        return items.map((_, row) => Array.from(out.row(row)));
      },
    });
  const { log, lines } = createLines();
  const runtime = createRuntime(service.definition, {
    log,
    metrics: createMetrics(),
    checkOutputs: true,
  });
  await runtime.start();
  return { runtime, lines, batches };
}

function ask(runtime: Runtime, body: unknown): Promise<Answer> {
  const { input } = runtime.definition.apis["predict"]!;
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const payload = input.parse({ bytes, mediaType: "application/json", parameters: {} });
  return invoke(runtime.apis.get("predict")!, payload as Awaited<typeof payload>, {
    id: "r",
    headers: new Headers(),
    params: {},
    query: {},
    writer: createWriter(runtime.definition.apis["predict"]!),
    cancellation: new Cancellation(),
  });
}

it("a service is ready when each model has run once, with its time in the log", async () => {
  const { runtime, lines } = await serve(`${FIXTURES}/torch-text-gru/model.onnx`);
  expect(runtime.state).toBe("ready");
  expect(lines).toEqual([
    {
      level: "debug",
      message: "ran the model net once",
      fields: { ms: expect.any(Number), inputs: { tokens: [1, 16] } },
    },
  ]);
  await runtime.drain();
});

it("a service warns of a model whose rows know of each other", async () => {
  const { runtime, lines } = await serve(madeFile("coupled"));
  expect(lines).toMatchObject([
    { level: "debug" },
    { level: "warn", message: expect.stringMatching(/"net" .* one by one/) },
  ]);
  await runtime.drain();
});

it("a row that a model gives up on fails alone in its batch", async () => {
  const { runtime, batches } = await serve(`${FIXTURES}/torch-text-gru/model.onnx`);
  const tokens = [
    [1, 2, 3],
    [4, 5],
    [1_000_000, 1, 1],
    [7, 8, 9],
    [3, 3],
  ];
  const alone: unknown[] = [];
  for (const row of tokens) alone.push(await ask(runtime, row).catch((error: unknown) => error));
  batches.length = 0;
  const together = await Promise.all(
    tokens.map((row) => ask(runtime, row).catch((error: unknown) => error)),
  );
  expect(batches[0]).toBe(tokens.length);
  expect(together[2]).toMatchObject({ code: "MODEL_RUN_FAILED" });
  for (const row of [0, 1, 3, 4]) {
    const numbers = (answer: unknown): number[] =>
      JSON.parse((answer as { body: string }).body) as number[];
    numbers(together[row]).forEach((value, i) => {
      expect(value).toBeCloseTo(numbers(alone[row])[i]!, 5);
    });
  }
  await runtime.drain();
});

it("a row that a model answers with NaN fails alone in its batch, on demand", async () => {
  const served = await serve(`${FIXTURES}/torch-wine-mlp/model.onnx`, { onNaN: "error" });
  const row = Array.from({ length: 13 }, (_, i) => i);
  // Beyond what a float32 holds: infinity less infinity on the way through the layers.
  const answers = await Promise.all(
    [row, row.map(() => 1e39), row].map((x) => ask(served.runtime, x).catch((e: unknown) => e)),
  );
  expect(answers[1]).toMatchObject({ code: "MODEL_RUN_FAILED" });
  expect(answers[0]).toMatchObject({ kind: "outputs" });
  expect(answers[2]).toMatchObject({ kind: "outputs" });
  await served.runtime.drain();
});
