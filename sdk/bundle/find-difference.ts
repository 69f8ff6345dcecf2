/** The first place at which two JSON values differ. */
export interface Difference {
  /** Such as `[0].churn`; `""` for the values themselves. */
  path: string;
  recorded: unknown;
  now: unknown;
}

/** A sum in another order can leave this much where the true value is zero. */
const ABSOLUTE = 1e-9;

/**
 * Compares two JSON values. Numbers may differ by `tolerance` of the greater one; everything else
 * is the same or not. The order of keys does not matter, as it does not in JSON.
 */
export function findDifference(
  recorded: unknown,
  now: unknown,
  tolerance = 1e-6,
  path = "",
): Difference | undefined {
  const differ = { path, recorded, now };
  if (typeof recorded === "number" && typeof now === "number") {
    const largest = Math.max(Math.abs(recorded), Math.abs(now));
    const near = Math.abs(recorded - now) <= Math.max(tolerance * largest, tolerance && ABSOLUTE);
    return recorded === now || near ? undefined : differ;
  }
  if (Array.isArray(recorded) && Array.isArray(now)) {
    if (recorded.length !== now.length) {
      return { path: `${path}.length`, recorded: recorded.length, now: now.length };
    }
    for (const [index, value] of recorded.entries()) {
      const found = findDifference(value, now[index], tolerance, `${path}[${index}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (isObject(recorded) && isObject(now)) {
    for (const key of new Set([...Object.keys(recorded), ...Object.keys(now)])) {
      const at = /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
      const found = findDifference(recorded[key], now[key], tolerance, `${path}${at}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return recorded === now ? undefined : differ;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
