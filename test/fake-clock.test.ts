import { describe, expect, it } from "vitest";
import { createFakeClock } from "./fake-clock.js";

describe("the clock of the tests", () => {
  it("stands still until it is moved", async () => {
    const clock = createFakeClock(1000);
    let fired = false;
    clock.after(1, () => (fired = true));
    await clock.settle();
    expect(clock.now()).toBe(1000);
    expect(fired).toBe(false);
    await clock.advance(1);
    expect(clock.now()).toBe(1001);
    expect(fired).toBe(true);
  });

  it("runs what is due at its own moment and in order, timers set on the way included", async () => {
    const clock = createFakeClock();
    const seen: [string, number][] = [];
    clock.after(20, () => seen.push(["b", clock.now()]));
    clock.after(10, () => {
      seen.push(["a", clock.now()]);
      clock.after(10, () => seen.push(["c", clock.now()]));
      clock.after(50, () => seen.push(["late", clock.now()]));
    });
    await clock.advance(30);
    expect(seen).toEqual([
      ["a", 10],
      ["b", 20],
      ["c", 20],
    ]);
    expect(clock.now()).toBe(30);
    expect(clock.timers).toBe(1);
  });

  it("runs soon callbacks without moving time, after promises, one turn at a time", async () => {
    const clock = createFakeClock();
    const seen: string[] = [];
    clock.soon(() => {
      seen.push("first");
      clock.soon(() => seen.push("next turn"));
      void Promise.resolve().then(() => seen.push("promise"));
    });
    clock.soon(() => seen.push("second"));
    expect(clock.soons).toBe(2);
    await clock.settle();
    expect(seen).toEqual(["first", "promise", "second", "next turn"]);
    expect(clock.now()).toBe(0);
  });

  it("never runs what was cancelled, also when it is cancelled within the same turn", async () => {
    const clock = createFakeClock();
    const seen: string[] = [];
    const cancelTimer = clock.after(5, () => seen.push("timer"));
    clock.soon(() => cancelSoon());
    const cancelSoon = clock.soon(() => seen.push("soon"));
    cancelTimer();
    await clock.advance(10);
    expect(seen).toEqual([]);
    expect(clock.timers + clock.soons).toBe(0);
  });

  it("refuses to run to an end that does not come", async () => {
    const clock = createFakeClock();
    const poll = () => void clock.after(1, poll);
    poll();
    await expect(clock.runAll(50)).rejects.toThrow("still has timers after 50");
  });
});
