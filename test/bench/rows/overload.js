import { measureLoad, withServers } from "../measure.js";
import { servedBundle } from "../prepare.js";
import { interleave, median, summarize } from "../rounds.js";

const LIMIT_MS = 200;
const DISTURBED_MS = 20;
/** Many batches of 110 ms each: one more or less must not show. */
const RUN_MS = 3300;
const BODIES = Array.from({ length: 16 }, (_, x) => JSON.stringify({ x }));

/**
 * More requests than can be answered: what share of the capacity still comes in time. The capacity
 * is what the same server answers when a full batch always waits and none is given up.
 */
export const overload = {
  id: "overload",
  async run({ workplace, rounds }) {
    const probe = { path: "/limited", body: BODIES[0] };
    const recipe = await servedBundle(workplace, "busy", probe);
    return await withServers({ ekiben: recipe }, async ({ ekiben }, load) => {
      const saturate = (ms) =>
        measureLoad(load, ekiben, {
          path: "/patient",
          bodies: BODIES,
          // One full batch under way, one that waits, and one that is being sent.
          connections: 300,
          durationMs: ms,
        });
      await saturate(500);
      const capacities = [];
      let seed = 1;
      const offerOnce = (factor) =>
        load.run({
          kind: "open",
          path: "/limited",
          bodies: BODIES,
          options: {
            port: ekiben.port,
            perSecond: median(capacities) * factor,
            settleMs: 1000,
            durationMs: RUN_MS,
            limitMs: LIMIT_MS,
            seed: seed++,
          },
        });
      // A generator that got no core says nothing about the server: such a run is made once more.
      const offer = (factor) => async () => {
        const result = await offerOnce(factor);
        return result.sendLagMs <= DISTURBED_MS ? result : await offerOnce(factor);
      };
      const results = [];
      for (let round = 0; round < Math.ceil(rounds / 2); round++) {
        capacities.push((await saturate(RUN_MS)).perSecond);
        const [offered] = await interleave({ little: offer(1.3), much: offer(2.2) }, 1);
        results.push(offered);
      }
      const capacity = median(capacities);
      const row = (name, factor, atLeast) => {
        const of = (field) => median(results.map((round) => round[name][field]));
        return {
          what: `Offered ${factor} × the capacity, limit ${LIMIT_MS} ms: answered in time, share of the capacity`,
          ...summarize(results, (round) => (100 * round[name].inTimePerSecond) / capacity),
          atLeast,
          unit: " %",
          details: [
            `capacity ${capacity.toFixed(0)}/s; ` +
              ["offered", "answered", "inTime", "refused"]
                .map((field) => `${field} ${of(field)}`)
                .join(", ") +
              `; latency p50 ${of("p50").toFixed(0)} ms, p95 ${of("p95").toFixed(0)} ms` +
              `; the generator was at most ${Math.max(...results.map((round) => round[name].sendLagMs)).toFixed(0)} ms late`,
          ],
        };
      };
      return [row("little", 1.3, 95), row("much", 2.2, 90)];
    });
  },
};
