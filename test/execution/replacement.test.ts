import type { Worker } from "node:worker_threads";
import { expect, it, onTestFinished } from "vitest";
import { createExecutors } from "../../sdk/execution/create-executors.js";
import { toReadiness } from "../../sdk/http/probes.js";
import { xgboost, type XGBoostModel } from "../../sdk/models/xgboost.js";
import type { Runtime } from "../../sdk/service/runtime.js";
import { loadXGBoostFixture } from "../models/xgboost-fixture.js";
import { createLogLines, type LogLine } from "./log-lines.js";

const fixture = loadXGBoostFixture("xgb-wine-softprob");

/** A model in a worker, and that worker, as Node tells of each that is made. */
async function open(): Promise<{ model: XGBoostModel; worker: Worker; lines: LogLine[] }> {
  const { log, lines } = createLogLines();
  const made = new Promise<Worker>((resolve) => process.once("worker", resolve));
  const model = await xgboost(fixture.files[0]!, { execution: "worker" }).load({
    name: "trees",
    executors: createExecutors({ log }),
  });
  onTestFinished(() => model.release());
  return { model, worker: await made, lines };
}

function readiness(model: XGBoostModel): { status: number; body: object } {
  return toReadiness({
    state: "ready",
    definition: { middleware: [] },
    models: new Map([["trees", model]]),
  } as unknown as Runtime);
}

it("a worker that ends fails the run that it had, and is replaced before the next", async () => {
  const { model, worker, lines } = await open();
  const wanted = [...(await model.predict(fixture.records))];
  expect(readiness(model).status).toBe(200);

  const many = Array.from({ length: 100_000 }, (_, i) => fixture.records[i % 50]!);
  const running = model.predict(many);
  const waiting = model.predict(fixture.records);
  // Trees are plain JavaScript: such a thread may be ended at any time.
  void worker.terminate();
  await expect(running).rejects.toMatchObject({
    code: "MODEL_RUN_FAILED",
    message: expect.stringMatching(/worker of the model "trees" ended while it computed/),
  });
  expect(model.execution()).toMatchObject({
    place: "worker",
    workers: 0,
    fault: expect.any(String),
  });
  expect(readiness(model)).toEqual({
    status: 503,
    body: { status: "failing", reason: expect.stringMatching(/"trees" has no worker/) },
  });

  expect([...(await waiting)]).toEqual(wanted);
  expect(model.execution()).toMatchObject({ place: "worker", workers: 1 });
  expect(model.execution().fault).toBeUndefined();
  expect(readiness(model).status).toBe(200);
  expect(lines.filter(({ level }) => level === "error")).toMatchObject([
    { message: "a worker of the model trees ended", fields: { replacedAfterMs: 100 } },
  ]);
});

it("a worker that ends while it is idle is replaced, and nothing fails", async () => {
  const { model, worker } = await open();
  const wanted = [...(await model.predict(fixture.records))];
  await worker.terminate();
  expect([...(await model.predict(fixture.records))]).toEqual(wanted);
  await model.release();
  expect(model.execution().workers).toBe(0);
});
