import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { EkibenError } from "../../sdk/core/errors.js";
import { frameOf } from "../../sdk/frame/lazy-data-frame.js";
import type { Cardinality } from "../../sdk/inputs/input.js";
import type { Output, OutputSlice } from "../../sdk/outputs/output.js";
import { toOutputBatch, toSingleOutput } from "../../sdk/outputs/output-batch.js";

/** What a handler returns, and what a caller gets for it. */
export interface OutputSample {
  cardinality: Cardinality;
  /** Made anew each time: a test may use it up. */
  returned(): unknown;
  /** How many items the request has; always 1 for `one`. */
  count: number;
  /** What `read` gives: for `many` one result an item, for streams, which are sampled as `many`, too. */
  results: unknown;
  /** Where a media type says the results otherwise than the first one. */
  resultsAs?: Readonly<Record<string, unknown>>;
}

/** An output and what to try it with. */
export interface OutputCase {
  output: Output;
  samples: readonly OutputSample[];
  /** What no answer may be made of. */
  broken: readonly { cardinality: Cardinality; returned: unknown }[];
}

const PROBLEM = {
  type: "urn:ekiben:error:HANDLER_FAILED",
  title: "The handler failed",
  status: 500,
  code: "HANDLER_FAILED",
  detail: "The handler failed\nhalf-way.",
};

/** The outputs of a request, as the runtime hands them to an output. */
export function toSlice(cardinality: Cardinality, returned: unknown, count = 1): OutputSlice {
  return cardinality === "one"
    ? toSingleOutput("api", returned, false).slice(0, 1)
    : toOutputBatch("api", returned, count).slice(0, count);
}

/** Writes outputs and reads them again as a caller would. */
export async function writeAndRead(
  output: Output,
  slice: OutputSlice,
  cardinality: Cardinality,
  mediaType = output.mediaTypes(cardinality)[0]!,
): Promise<{ bytes: Uint8Array; results: unknown }> {
  const format = { mediaType, cardinality };
  const body = await output.write(slice, format);
  const headers = new Headers(output.headers?.(slice, format) ?? {});
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const header = (name: string): string | null => headers.get(name);
  return { bytes, results: await output.read(bytes, { ...format, header }) };
}

/** What holds for every output. `create` is called for each test. */
export function describeOutput(name: string, create: () => OutputCase): void {
  const { samples } = create();
  const cardinalities = [...new Set(samples.map(({ cardinality }) => cardinality))];
  const formats = samples.flatMap((sample, at) =>
    create()
      .output.mediaTypes(sample.cardinality)
      .map((mediaType) => ({ at, mediaType })),
  );

  describe(`the output ${name}`, () => {
    test.each(formats)(
      "reads what it wrote: sample $at as $mediaType",
      async ({ at, mediaType }) => {
        const the = create();
        const { cardinality, returned, count, results, resultsAs } = the.samples[at]!;
        const slice = toSlice(cardinality, returned(), count);
        const answer = await writeAndRead(the.output, slice, cardinality, mediaType);
        expect(answer.results).toEqual(resultsAs?.[mediaType] ?? results);
        const again = toSlice(cardinality, returned(), count);
        const { bytes } = await writeAndRead(the.output, again, cardinality, mediaType);
        expect(Buffer.compare(bytes, answer.bytes)).toBe(0);
      },
    );

    test("writes any part of a batch as those outputs alone", async () => {
      const the = create();
      for (const sample of the.samples.filter(({ cardinality }) => cardinality === "many")) {
        const { returned, count, results, resultsAs } = sample;
        const place = fc.nat({ max: count });
        for (const mediaType of the.output.mediaTypes("many")) {
          const whole = (resultsAs?.[mediaType] ?? results) as unknown[];
          await fc.assert(
            fc.asyncProperty(place, place, async (one, other) => {
              const [start, end] = [Math.min(one, other), Math.max(one, other)];
              const slice = toOutputBatch("api", returned(), count).slice(start, end);
              const read = await writeAndRead(the.output, slice, "many", mediaType);
              expect(slice.count).toBe(end - start);
              expect(read.results).toEqual(whole.slice(start, end));
            }),
            { numRuns: 10 },
          );
        }
      }
    });

    test("leaves what the handler returned as it is", async () => {
      const the = create();
      for (const { cardinality, returned, count } of the.samples) {
        const given = returned();
        for (const mediaType of the.output.mediaTypes(cardinality)) {
          await writeAndRead(
            the.output,
            toSlice(cardinality, given, count),
            cardinality,
            mediaType,
          );
        }
        expect(toComparable(given)).toEqual(toComparable(returned()));
      }
    });

    test("refuses what it cannot write with OUTPUT_INVALID, and says where", async () => {
      const { output, broken } = create();
      for (const { cardinality, returned } of broken) {
        const count = Array.isArray(returned) ? returned.length : 1;
        const write = async (): Promise<unknown> => {
          const slice = toSlice(cardinality, returned, count);
          const mediaType = output.mediaTypes(cardinality)[0]!;
          return await output.write(slice, { mediaType, cardinality });
        };
        const error: unknown = await write().then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        expect(error).toBeInstanceOf(EkibenError);
        expect((error as EkibenError).code).toBe("OUTPUT_INVALID");
        expect((error as EkibenError).facts.detail).toMatch(/output|column|Output/);
      }
    });

    test.each(cardinalities)("offers the same media types each time for %s", (cardinality) => {
      const { output } = create();
      const types = output.mediaTypes(cardinality);
      expect(types.length).toBeGreaterThan(0);
      expect(new Set(types).size).toBe(types.length);
      expect(output.mediaTypes(cardinality)).toBe(types);
      expect(Object.isFrozen(types)).toBe(true);
      expect(Object.keys(output.content(cardinality))).toEqual([...types]);
      expect(Object.isFrozen(output)).toBe(true);
    });

    test("describes its JSON in JSON Schema that accepts what it writes", async () => {
      const the = create();
      for (const { cardinality, returned, count } of the.samples) {
        for (const [mediaType, { schema }] of Object.entries(the.output.content(cardinality))) {
          expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
          if (mediaType !== "application/json") continue;
          const described = z.fromJSONSchema(schema as never);
          const slice = toSlice(cardinality, returned(), count);
          const { bytes } = await writeAndRead(the.output, slice, cardinality, mediaType);
          const sent: unknown = JSON.parse(Buffer.from(bytes).toString());
          expect(described.safeParse(sent).error).toBeUndefined();
        }
      }
    });

    test.each(cardinalities)("gives its schemas for %s away as copies", (cardinality) => {
      const { output } = create();
      const before = structuredClone(output.content(cardinality));
      for (const { schema } of Object.values(output.content(cardinality))) spoil(schema);
      expect(output.content(cardinality)).toEqual(before);
    });

    test("gives the tensors that it describes", () => {
      const the = create();
      const { output } = the;
      if (output.toTensors === undefined) return;
      const described = output.describeTensors!();
      for (const { cardinality, returned, count, results } of the.samples) {
        const isSingle = cardinality === "one" && "readSingle" in output;
        const rows = isSingle ? (results as unknown[]).length : count;
        const slice = toSlice(cardinality, returned(), count);
        const tensors = output.toTensors(slice, cardinality);
        for (const tensor of tensors) {
          expect(tensor.dims[0]).toBe(rows);
          expect(tensor.data).toHaveLength(
            tensor.dims.reduce((product, size) => product * size, 1),
          );
          const found = described.find(({ name: each }) => each === tensor.name);
          if (described.length === 0) continue;
          expect(found?.dtype).toBe(tensor.type);
          expect(found!.shape).toHaveLength(tensor.dims.length);
          for (const [place, size] of found!.shape.entries()) {
            if (size !== null) expect(tensor.dims[place]).toBe(size);
          }
        }
        for (const { name: each } of described) {
          expect(tensors.map((tensor) => tensor.name)).toContain(each);
        }
      }
    });

    if (create().output.streams) describeStream(create);
  });
}

function describeStream(create: () => OutputCase): void {
  test("writes a stream value by value, with signs of life between", () => {
    const { output, samples } = create();
    const [mediaType] = output.mediaTypes("one");
    for (const { returned, results } of samples) {
      const silence = output.keepAlive?.(mediaType!) ?? "";
      const chunks = (returned() as unknown[]).map((value) =>
        output.writeChunk!(value, mediaType!),
      );
      const text = chunks.join(silence) + (output.writeEnd?.(mediaType!) ?? "");
      const answer = { mediaType: mediaType!, cardinality: "one" as const, header: () => null };
      expect(output.read(Buffer.from(silence + text), answer)).toEqual(results);
    }
  });

  test("ends a stream that broke with the problem, which reading raises", () => {
    const { output, samples } = create();
    const [mediaType] = output.mediaTypes("one");
    const chunks = (samples[0]!.returned() as unknown[]).map((value) =>
      output.writeChunk!(value, mediaType!),
    );
    const text = chunks.join("") + output.writeBreak!(PROBLEM, mediaType!);
    const answer = { mediaType: mediaType!, cardinality: "one" as const, header: () => null };
    let thrown: unknown;
    try {
      output.read(Buffer.from(text), answer);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(EkibenError);
    expect(thrown).toMatchObject({ code: "HANDLER_FAILED", facts: { detail: PROBLEM.detail } });
  });
}

/** A DataFrame loads danfojs when it is compared. */
function toComparable(returned: unknown): unknown {
  return frameOf(returned)?.toPlain() ?? returned;
}

function spoil(schema: Record<string, unknown>): void {
  for (const value of Object.values(schema)) {
    if (typeof value === "object" && value !== null) spoil(value as Record<string, unknown>);
  }
  schema["type"] = "spoiled";
}
