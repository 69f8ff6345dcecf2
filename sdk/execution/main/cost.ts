/** Milliseconds of a run from which on it is felt by everything else on the thread. */
export const HEAVY_MS = 4;
/** How many heavy runs among the last ones tell that a model is heavy, and no pause of the machine. */
const MOST_HEAVY = 5;
const WINDOW = 100;

/** The times of a model's last runs on the loop. */
export interface Cost {
  /**
   * Whether a run was long of late. A machine that is busy with others makes every run long now and
   * then; from here on only the processor's time counts, which is not worth asking for before.
   */
  readonly isDoubtful: boolean;
  /** Takes the time of a run, and answers why the model should move, once there is a reason. */
  note(ms: number): string | undefined;
}

export function createCost(): Cost {
  const last = new Float64Array(WINDOW);
  let count = 0;
  let heavy = 0;
  return {
    get isDoubtful() {
      return heavy > 0;
    },
    note(ms) {
      const place = count % WINDOW;
      if (count >= WINDOW && last[place]! > HEAVY_MS) heavy -= 1;
      last[place] = ms;
      count += 1;
      if (ms > HEAVY_MS) heavy += 1;
      if (heavy < MOST_HEAVY) return undefined;
      const times = Array.from(last.subarray(0, Math.min(count, WINDOW))).sort((a, b) => a - b);
      const median = times[times.length >> 1]!;
      return `${heavy} of its last ${times.length} runs took more than ${HEAVY_MS} ms (median ${print(median)}, longest ${print(times.at(-1)!)}).`;
    },
  };
}

function print(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
