import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Block } from "../../sdk/observability/handover/block.js";
import { printTrace, RecordPacker } from "../../sdk/observability/handover/pack-record.js";
import {
  RecordUnpacker,
  type RecordTaker,
} from "../../sdk/observability/handover/unpack-record.js";
import { LineBytes } from "../../sdk/observability/records/line-bytes.js";
import type { Body } from "../../sdk/observability/records/logged-body.js";
import { createRecordPrinter } from "../../sdk/observability/records/print-record.js";
import type {
  AccessFacts,
  PredictionFacts,
  RunSummary,
} from "../../sdk/observability/records/record.js";
import { createRedactor } from "../../sdk/observability/records/redact.js";

const HEADERS = ["user-agent", "authorization", "x-é"];

interface Plan {
  redact: string[];
  maxRecordBytes: number;
}

function createPrinter({ redact, maxRecordBytes }: Plan, now: () => number) {
  const made = createRecordPrinter({
    service: "s",
    version: "1",
    redactor: createRedactor(redact),
    headers: HEADERS,
    maxRecordBytes,
    now,
  });
  return {
    prediction: (facts: PredictionFacts) => Buffer.from(made.prediction(facts)).toString(),
    access: made.access,
  };
}

// Halves of characters, control characters, and plain ones that are written letter by letter.
const unit = fc.oneof(
  fc.string({ unit: "binary", maxLength: 1 }),
  fc.constantFrom("a", "\u0000", '"', "\\", "\ud800", "\udc00", "é", "😀", "\u2028"),
);
const text = fc.oneof(
  fc.constantFrom("", "/predict", "application/json", "text/csv"),
  fc.string({ unit, maxLength: 40 }),
);
const json = fc.jsonValue().map((value) => JSON.stringify({ ssn: value, other: [value] }));
const optional = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
const body: fc.Arbitrary<Body> = fc.record({
  bytes: optional(
    fc.oneof(
      text,
      json,
      json.map((one) => Buffer.from(one)),
      text.map((one) => Buffer.from(one)),
      fc.uint8Array({ maxLength: 200 }),
      fc.constant("x".repeat(9000)),
    ),
  ) as fc.Arbitrary<string>,
  mediaType: fc.oneof(fc.constantFrom("application/json", "text/csv", "image/png"), text),
  total: optional(fc.nat()),
});
const number = fc.oneof(fc.nat(), fc.double({ noNaN: true, noDefaultInfinity: true }));
const run: fc.Arbitrary<RunSummary> = fc.record({
  id: text,
  requests: fc.nat(),
  items: fc.nat(),
  reason: fc.constantFrom("full", "freed", "unbatched"),
  runMs: optional(number),
  models: fc.array(fc.record({ name: text, ms: number }), { maxLength: 3 }),
});
const shared: RunSummary = {
  id: "r-1",
  requests: 2,
  items: 3,
  reason: "full",
  runMs: 1.5,
  models: [],
};
const trace = optional(fc.constantFrom({}, { "trace.id": "a", "span.id": "b\ud800" }));
const common = {
  requestId: text,
  method: fc.constantFrom("GET", "POST"),
  route: fc.constantFrom("/a", "/é/:id"),
  target: fc.oneof(
    text,
    text.map((query) => `/a?ssn=1&${query}`),
  ),
  status: fc.integer({ min: 100, max: 599 }),
  durationMs: number,
  trace,
};
const prediction: fc.Arbitrary<PredictionFacts> = fc.record({
  ...common,
  api: fc.constantFrom("a", "b"),
  headers: fc
    .array(fc.option(text), { minLength: HEADERS.length, maxLength: HEADERS.length })
    .map((values) => ({ get: (name: string) => values[HEADERS.indexOf(name)]! })),
  params: fc.constantFrom({}, { id: "7" }, { ssn: "1", none: undefined }, { none: undefined }),
  input: optional(body),
  output: body,
  rows: fc.boolean(),
  items: optional(fc.nat()),
  queueWaitMs: optional(number),
  runs: fc.oneof(fc.constant([]), fc.constant([shared]), fc.array(run, { maxLength: 3 })),
});
const access: fc.Arbitrary<AccessFacts> = fc.record({
  ...common,
  api: optional(fc.constantFrom("a", "b")),
  bytesIn: optional(fc.nat()),
  bytesOut: optional(fc.nat()),
  address: optional(fc.constantFrom("127.0.0.1", "::1")),
  userAgent: optional(text),
});
type Fact =
  | { kind: "prediction"; facts: PredictionFacts }
  | { kind: "access"; facts: AccessFacts }
  | { kind: "line"; line: string | Uint8Array };
const fact: fc.Arbitrary<Fact> = fc.oneof(
  fc.record({ kind: fc.constant("prediction" as const), facts: prediction }),
  fc.record({ kind: fc.constant("access" as const), facts: access }),
  fc.record({
    kind: fc.constant("line" as const),
    line: fc.oneof(
      text,
      text.map((one) => Buffer.from(one)),
    ),
  }),
);
const plan: fc.Arbitrary<Plan> = fc.record({
  redact: fc.constantFrom([], ["ssn"], ["other.ssn", "x-é"]),
  maxRecordBytes: fc.constantFrom(4096, 12_000, 256 * 1024),
});

test("a record that was packed has the line of the same record that was not, byte for byte", () => {
  fc.assert(
    fc.property(
      fc.array(fact, { minLength: 1, maxLength: 6 }),
      plan,
      fc.nat(),
      (all, how, from) => {
        let time = 0;
        const printer = createPrinter(how, () => time);
        const expected = all.map((one, at) => {
          time = at * 1000;
          if (one.kind === "prediction") return printer.prediction(one.facts);
          if (one.kind === "access") return printer.access(one.facts);
          return Buffer.from(one.line as string).toString();
        });

        const packer = new RecordPacker(HEADERS);
        const block = Block.make(2 ** 20);
        for (const [at, one] of all.entries()) {
          const begin = block.end;
          let most: number;
          if (one.kind === "prediction") {
            const more = packer.more(one.facts);
            most = RecordPacker.sizeOf(one.facts, more);
            packer.prediction(block, one.facts, at * 1000, more);
          } else if (one.kind === "access") {
            const told = printTrace(one.facts.trace);
            most = RecordPacker.sizeOfAccess(one.facts, told);
            packer.access(block, one.facts, at * 1000, told);
          } else {
            most = RecordPacker.sizeOfLine(one.line);
            packer.line(block, "feedback", one.line);
          }
          expect(block.end - begin).toBeLessThanOrEqual(most);
        }
        block.hand();

        const lines: string[] = [];
        const other = createPrinter(how, () => time);
        const taker: RecordTaker = {
          prediction(facts, at) {
            time = at;
            lines.push(other.prediction(facts));
          },
          access(facts, at) {
            time = at;
            lines.push(other.access(facts));
          },
          line: (stream, line) => void lines.push(Buffer.from(line as string).toString()),
        };
        // One reader begins, and another one goes on from where it was.
        const first = new RecordUnpacker(HEADERS);
        const there = new Block(block.memory);
        for (let count = from % all.length; count > 0; count--) {
          const place = there.next!;
          there.begin(place);
          expect(first.streamOf(there, place)).toBe(streamOf(all[lines.length]!));
          first.read(there, place, taker);
        }
        const second = new RecordUnpacker(HEADERS);
        let place = there.next;
        for (const before of there.before(place!)) second.read(there, before);
        for (; place !== undefined; place = there.next) {
          there.begin(place);
          second.read(there, place, taker);
        }
        expect(lines).toEqual(expected);
        expect(block.isRead).toBe(false);
        there.giveBack();
        expect(block.isRead).toBe(true);
      },
    ),
    { numRuns: 600 },
  );
});

function streamOf(one: Fact): string {
  return one.kind === "line" ? "feedback" : one.kind;
}

test("a line of known pieces is that of the same prediction whose body is a text", () => {
  const bodies = fc.oneof(text, json, fc.constant("x".repeat(9000)));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(prediction, bodies, bodies), { minLength: 1, maxLength: 5 }),
      fc.constantFrom(4096, 256 * 1024),
      (all, maxRecordBytes) => {
        let now = 0;
        const make = () =>
          createRecordPrinter({
            service: "s",
            redactor: createRedactor([]),
            headers: [],
            maxRecordBytes,
            now: () => now,
          });
        const [pieces, whole] = [make(), make()];
        for (const [facts, sent, answered] of all) {
          now += 1000;
          const mediaType = facts.output.mediaType;
          const bytes = Buffer.from(sent);
          const output = { bytes: answered, mediaType };
          const line = pieces.prediction({ ...facts, input: { bytes, mediaType }, output });
          const read = bytes.toString();
          const other = whole.prediction({ ...facts, input: { bytes: read, mediaType }, output });
          expect(Buffer.from(line as string).toString()).toBe(other);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test("numbers are written as JavaScript writes them", () => {
  const line = new LineBytes();
  const written = (add: () => void): string => {
    line.begin(100);
    add();
    return Buffer.from(line.take()).toString();
  };
  const value = fc.oneof(fc.nat(), fc.nat(3000), fc.integer(), fc.double(), fc.maxSafeNat());
  fc.assert(
    fc.property(value, (one) => {
      expect(written(() => line.addNumber(one))).toBe(String(one));
      const count = Math.round(one);
      expect(written(() => line.addThousandths(count))).toBe(String(count / 1000));
    }),
    { numRuns: 5000 },
  );
});
