import { toDraft } from "./make-request.js";
import { writePlain } from "./write-request.js";

/** Numbers of canaries begin here, far from those of the changed requests. */
const FIRST = 1_000_000;
/** Single floats hold each whole number up to here. */
const LAST = 2 ** 24;

/**
 * Good requests, each with a number that no other one has; their answers have to show it.
 * @param {readonly import("./seeds.js").Seed[]} seeds
 * @returns {() => import("./make-request.js").FuzzRequest}
 */
export function createCanaries(seeds) {
  let next = 0;
  return () => {
    const seed = seeds[next % seeds.length];
    const id = FIRST + (next % (LAST - FIRST));
    next += 1;
    const draft = toDraft(seed, seed.make(id));
    return {
      kind: seed.kind,
      seed: `canary ${id}: ${seed.name} ${seed.path}`,
      changes: [],
      method: draft.method,
      path: draft.target,
      framed: true,
      bytes: writePlain(draft),
      holds: (answer) => seed.holds(answer, id),
    };
  };
}
