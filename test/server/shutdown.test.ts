import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { stopOnSignal, type ShutdownProcess } from "../../sdk/server/shutdown.js";

const FIRST: NodeJS.Signals = process.platform === "win32" ? "SIGBREAK" : "SIGTERM";

/** A process that notes its exit instead of ending. */
class NotedProcess extends EventEmitter implements ShutdownProcess {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("the first signal stops and then exits with 0", async () => {
  const target = new NotedProcess();
  let finish = (): void => {};
  let stops = 0;
  stopOnSignal(
    () => {
      stops++;
      return new Promise<void>((resolve) => (finish = resolve));
    },
    () => {},
    target,
  );
  target.emit(FIRST);
  await settle();
  expect(target.exits).toEqual([]);
  finish();
  await settle();
  expect(target.exits).toEqual([0]);
  expect(stops).toBe(1);
});

test("a second signal exits at once with 1 and does not stop again", async () => {
  const target = new NotedProcess();
  let stops = 0;
  stopOnSignal(
    () => {
      stops++;
      return new Promise(() => {});
    },
    () => {},
    target,
  );
  target.emit(FIRST);
  target.emit("SIGINT");
  await settle();
  expect(target.exits).toEqual([1]);
  expect(stops).toBe(1);
});

test("a stop that fails is told and exits with 1", async () => {
  const target = new NotedProcess();
  const told: unknown[] = [];
  const failure = new Error("close failed");
  stopOnSignal(
    () => Promise.reject(failure),
    (error) => told.push(error),
    target,
  );
  target.emit(FIRST);
  await settle();
  expect(told).toEqual([failure]);
  expect(target.exits).toEqual([1]);
});
