const SLICE_MS = 100;

/**
 * Microseconds of CPU a run, over a slice of time: what else the machine does hardly shows in it.
 * @template T
 * @param {readonly T[]} inputs taken in turn
 * @param {(input: T) => unknown} run
 */
export async function measureCpu(inputs, run) {
  const end = performance.now() + SLICE_MS;
  const before = process.cpuUsage();
  let runs = 0;
  do {
    for (const input of inputs.slice(0, 64)) {
      const answer = run(input);
      if (answer instanceof Promise) await answer;
      runs++;
    }
  } while (performance.now() < end);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / runs;
}
