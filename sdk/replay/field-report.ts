/** How the numbers of a field were spread. */
export interface Distribution {
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly p5: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** What became of one field over all requests. */
export interface FieldReport {
  /** Values that both answers have. */
  readonly count: number;
  readonly exact: number;
  /** Other numbers, but within the tolerance. */
  readonly within: number;
  readonly different: number;
  /** Values that only one of the answers has. */
  readonly missing: number;
  readonly largest?: {
    readonly difference: number;
    readonly before: number;
    readonly after: number;
    readonly requestId: string;
  };
  readonly before?: Distribution;
  readonly after?: Distribution;
  /** Of labels: how often which became which, the most frequent first. */
  readonly confusion?: readonly { before: string; after: string; count: number }[];
  /** Requests whose value is another one, the first ones. */
  readonly examples: readonly string[];
}

const MOST_EXAMPLES = 5;
const MOST_PAIRS = 100;

/** Compares the values of one field. */
export class FieldTally {
  #count = 0;
  #exact = 0;
  #within = 0;
  #different = 0;
  #missing = 0;
  #largest: FieldReport["largest"];
  readonly #before: number[] = [];
  readonly #after: number[] = [];
  readonly #pairs = new Map<string, { before: string; after: string; count: number }>();
  readonly #examples = new Set<string>();

  constructor(private readonly tolerance: number) {}

  /** Answers how the values of one request compare, at worst. */
  add(
    requestId: string,
    before: readonly unknown[],
    after: readonly unknown[],
  ): "exact" | "within" | "different" {
    let worst: "exact" | "within" | "different" = "exact";
    const both = Math.min(before.length, after.length);
    if (before.length !== after.length) {
      this.#missing += Math.abs(before.length - after.length);
      this.#examples.add(requestId);
      worst = "different";
    }
    for (let at = 0; at < both; at++) {
      const found = this.#compare(requestId, before[at], after[at]);
      if (found === "different" || worst === "exact") worst = found;
    }
    if (worst === "different" && this.#examples.size < MOST_EXAMPLES) this.#examples.add(requestId);
    return worst;
  }

  #compare(requestId: string, before: unknown, after: unknown): "exact" | "within" | "different" {
    this.#count++;
    if (typeof before === "number" && typeof after === "number") {
      return this.#compareNumbers(requestId, before, after);
    }
    const pair = { before: print(before), after: print(after) };
    const key = `${pair.before}\n${pair.after}`;
    const known = this.#pairs.get(key);
    if (known !== undefined) known.count++;
    else if (this.#pairs.size < MOST_PAIRS) this.#pairs.set(key, { ...pair, count: 1 });
    if (before === after) {
      this.#exact++;
      return "exact";
    }
    this.#different++;
    return "different";
  }

  #compareNumbers(requestId: string, before: number, after: number) {
    this.#before.push(before);
    this.#after.push(after);
    const difference = Math.abs(before - after);
    if (difference > (this.#largest?.difference ?? 0)) {
      this.#largest = { difference, before, after, requestId };
    }
    if (difference === 0) {
      this.#exact++;
      return "exact";
    }
    // Absolute near zero, relative to the greater one elsewhere.
    const most = this.tolerance * Math.max(1, Math.abs(before), Math.abs(after));
    if (difference <= most) {
      this.#within++;
      return "within";
    }
    this.#different++;
    return "different";
  }

  report(): FieldReport {
    return {
      count: this.#count,
      exact: this.#exact,
      within: this.#within,
      different: this.#different,
      missing: this.#missing,
      ...(this.#largest === undefined ? {} : { largest: this.#largest }),
      ...(this.#before.length === 0
        ? {}
        : { before: distribute(this.#before), after: distribute(this.#after) }),
      ...(this.#pairs.size === 0
        ? {}
        : { confusion: [...this.#pairs.values()].sort((a, b) => b.count - a.count) }),
      examples: [...this.#examples].slice(0, MOST_EXAMPLES),
    };
  }
}

export function distribute(values: readonly number[]): Distribution {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? sorted[0]!;
  return {
    count: sorted.length,
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
    min: sorted[0]!,
    p5: at(0.05),
    p50: at(0.5),
    p95: at(0.95),
    max: sorted.at(-1)!,
  };
}

function print(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
