import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Deadlines, type Deadline } from "../../sdk/service/deadlines.js";
import { createFakeClock } from "../fake-clock.js";

test("each request is told at its own limit, whoever left before, behind one timer", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("add" as const), limitMs: fc.constantFrom(50, 50, 50, 20, 90) }),
    fc.record({ kind: fc.constant("remove" as const), which: fc.nat(20) }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 80 }) }),
  );
  return fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const clock = createFakeClock();
      const deadlines = new Deadlines(clock);
      const entries: { due: number; told?: number; removed: boolean; leave: () => void }[] = [];
      for (const one of steps) {
        if (one.kind === "add") {
          const due = clock.now() + one.limitMs;
          const made: (typeof entries)[number] = {
            due,
            removed: false,
            leave: () => deadlines.remove(entry),
          };
          const entry: Deadline = {
            previous: undefined,
            next: undefined,
            waits: false,
            deadline: due,
            expire: () => void (made.told = clock.now()),
          };
          deadlines.add(entry);
          entries.push(made);
        } else if (one.kind === "remove" && entries.length > 0) {
          const chosen = entries[one.which % entries.length]!;
          chosen.leave();
          if (chosen.told === undefined) chosen.removed = true;
        } else if (one.kind === "wait") {
          await clock.advance(one.ms);
        }
        for (const { due, told, removed } of entries) {
          expect(told).toBe(!removed && due <= clock.now() ? due : undefined);
        }
        expect(clock.timers).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 60 },
  );
});
