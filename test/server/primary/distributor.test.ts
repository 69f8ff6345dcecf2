import fc from "fast-check";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { createDistributor, type Target } from "../../../sdk/server/primary/distributor.js";

interface MadeTarget extends Target {
  state: Target["state"];
  load: number;
  busyMs: number;
  silentMs: number;
  readonly got: number[];
  take(): void;
}

const makeTarget = (state: Target["state"] = "ready", load = 0): MadeTarget => {
  const target: MadeTarget = {
    state,
    load,
    busyMs: 0,
    silentMs: 0,
    got: [],
    hand(socket) {
      target.got.push((socket as unknown as { id: number }).id);
      target.busyMs = 1;
      target.load++;
    },
    take: () => (target.busyMs = 0),
  };
  return target;
};
const makeSocket = (id: number) => ({ id, on() {} }) as unknown as Socket;

test("every connection goes to one worker, in order, and no worker gets three more than another", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.nat(5), { maxLength: 100 }),
      (n, takes) => {
        const targets = Array.from({ length: n }, () => makeTarget());
        const distributor = createDistributor({ refuse: () => expect.unreachable() });
        distributor.setTargets(() => targets);
        takes.forEach((at, id) => {
          distributor.add(makeSocket(id));
          targets[at % n]!.take();
          distributor.pump();
        });
        while (distributor.held > 0) {
          for (const target of targets) target.take();
          distributor.pump();
        }
        const all = targets.flatMap(({ got }) => got);
        expect(all.toSorted((a, b) => a - b)).toEqual(takes.map((_, id) => id));
        const counts = targets.map(({ got }) => got.length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
        for (const { got } of targets) expect(got).toEqual(got.toSorted((a, b) => a - b));
      },
    ),
  );
});

test("the worker with the fewest connections is chosen, one that starts only while none is ready", () => {
  const [busy, free, starting] = [
    makeTarget("ready", 5),
    makeTarget("ready", 3),
    makeTarget("open"),
  ];
  const distributor = createDistributor({ refuse: () => expect.unreachable() });
  distributor.setTargets(() => [busy, free, starting]);
  distributor.add(makeSocket(1));
  expect([busy.got, free.got, starting.got]).toEqual([[], [1], []]);
  busy.state = free.state = "leaving";
  distributor.add(makeSocket(2));
  expect(starting.got).toEqual([2]);
});

test("a worker that does not take its connection is awaited a little, and then passed over", async () => {
  const [stuck, free] = [makeTarget(), makeTarget()];
  const distributor = createDistributor({ refuse: () => expect.unreachable() });
  distributor.setTargets(() => [stuck, free]);
  for (let id = 0; id < 6; id++) {
    distributor.add(makeSocket(id));
    free.take();
  }
  expect([stuck.got.length, free.got.length, distributor.held]).toEqual([1, 3, 2]);
  stuck.busyMs = 101;
  for (let id = 0; id < 3; id++) {
    distributor.pump();
    free.take();
  }
  expect([stuck.got.length, free.got.length, distributor.held]).toEqual([1, 5, 0]);
});

test("a worker whose loop does not beat gets nothing; what nobody takes in time is refused", async () => {
  const silent = makeTarget();
  silent.silentMs = 5_000;
  const refused: unknown[] = [];
  const distributor = createDistributor({ holdMs: 20, refuse: (socket) => refused.push(socket) });
  distributor.setTargets(() => [silent]);
  const socket = makeSocket(1);
  distributor.add(socket);
  expect(distributor.held).toBe(1);
  await distributor.empty();
  expect(refused).toEqual([socket]);
  expect(silent.got).toEqual([]);
});
