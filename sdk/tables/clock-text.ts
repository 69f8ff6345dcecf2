const SECONDS_A_DAY = 86_400;

/** A time of day as ISO 8601 text, with a fraction only where there is one; `undefined` for what is no time of a day. */
export function printClock(time: number, perSecond: number): string | undefined {
  if (!(time >= 0 && time < SECONDS_A_DAY * perSecond)) return undefined;
  const seconds = Math.floor(time / perSecond);
  const clock = new Date(seconds * 1000).toISOString().slice(11, 19);
  const rest = time - seconds * perSecond;
  if (rest === 0) return clock;
  return `${clock}.${String(rest).padStart(String(perSecond).length - 1, "0")}`;
}
