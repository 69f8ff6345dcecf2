import fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import { createExecutors } from "../../sdk/execution/create-executors.js";
import { tfjs, type TfjsModel } from "../../sdk/models/tfjs.js";
import { silentLog } from "../../sdk/observability/log.js";
import { makeLayersModel, writeGraphModel } from "../models/tfjs-fixture.js";

const graph = writeGraphModel();

async function load(execution: "loop" | "worker", log = silentLog): Promise<TfjsModel> {
  const executors = createExecutors({ log });
  const model = await tfjs(graph, { execution }).load({ name: "net", executors });
  onTestFinished(() => model.release());
  return model;
}

it("answers in a worker as on the loop, to the bit, whatever shares a batch or is refused", async () => {
  const loop = await load("loop");
  const worker = await load("worker");
  expect(worker.execution().place).toBe("worker");
  const told = async (model: TfjsModel, x: unknown) => {
    try {
      const answer = await model.predict(x as number[][]);
      return [answer.dims, Array.from(answer)];
    } catch (error) {
      return [(error as { code?: string }).code, (error as Error).message];
    }
  };
  const cell = fc.oneof(fc.float({ noNaN: true }), fc.constantFrom(null, "x", NaN));
  const row = fc.array(cell, { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 5 }), async (rows) => {
      expect(await told(worker, rows)).toEqual(await told(loop, rows));
    }),
    { numRuns: 60 },
  );
});

it("keeps a model that a notebook holds where it is, and says so", async () => {
  const lines: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void lines.push(message) };
  const executors = createExecutors({ log });
  const definition = tfjs(await makeLayersModel(), { execution: "worker" });
  const model = await definition.load({ name: "net", executors });
  onTestFinished(() => model.release());
  expect(model.execution().place).toBe("loop");
  expect(lines).toEqual(["the model net computes on the loop, not in a worker"]);
});
