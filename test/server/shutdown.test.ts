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
  const stop = () => {
    stops++;
    return new Promise<void>((resolve) => (finish = resolve));
  };
  stopOnSignal({ stop, onError() {} }, target);
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
  const stop = () => {
    stops++;
    return new Promise<void>(() => {});
  };
  stopOnSignal({ stop, onError() {} }, target);
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
    { stop: () => Promise.reject(failure), onError: (error) => told.push(error) },
    target,
  );
  target.emit(FIRST);
  await settle();
  expect(told).toEqual([failure]);
  expect(target.exits).toEqual([1]);
});

test("SIGHUP stops too, and is never the second signal, before SIGTERM or behind it", async () => {
  const target = new NotedProcess();
  const signals: string[] = [];
  const stop = (signal: string) => {
    signals.push(signal);
    return new Promise<void>(() => {});
  };
  stopOnSignal({ stop, onError() {} }, target);
  for (const signal of ["SIGHUP", "SIGHUP", FIRST, "SIGHUP"]) target.emit(signal);
  await settle();
  expect(target.exits).toEqual([]);
  target.emit(FIRST);
  expect(target.exits).toEqual([1]);
  expect(signals).toEqual(["SIGHUP"]);
});

test("where SIGHUP means something else, it does not stop", async () => {
  const target = new NotedProcess();
  let hangUps = 0;
  let stops = 0;
  const stop = async () => void stops++;
  stopOnSignal({ stop, onError() {}, onHangUp: () => ++hangUps > 0 }, target);
  target.emit("SIGHUP");
  await settle();
  expect([hangUps, stops, target.exits]).toEqual([1, 0, []]);
});
