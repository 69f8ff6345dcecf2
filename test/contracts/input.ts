import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { EkibenError, toProblem } from "../../sdk/core/errors.js";
import type { Input, Payload, RequestBody } from "../../sdk/inputs/input.js";
import { parseMediaType } from "../../sdk/inputs/media-type.js";

/** An input and what to try it with. */
export interface InputCase {
  input: Input;
  /** Values as a caller writes them; for `many` with different numbers of items. */
  samples: readonly unknown[];
  /** The items of an argument, as plain values that can be compared. */
  itemsOf(argument: unknown): unknown[];
  /** Bodies that no request may be made of. */
  broken: readonly RequestBody[];
}

const CLIENT_ERRORS = ["BODY_MALFORMED", "MEDIA_TYPE_UNSUPPORTED", "INPUT_INVALID"];

/** What holds for every input. `create` is called for each test. */
export function describeInput(name: string, create: () => InputCase): void {
  const { samples } = create();
  const indexes = fc.array(fc.nat({ max: samples.length - 1 }), { minLength: 1, maxLength: 8 });

  async function parse(input: Input, sample: unknown): Promise<Payload> {
    const { bytes, mediaType, headers } = input.encode(sample);
    return await read(input, {
      bytes,
      ...parseMediaType(mediaType),
      headers: new Headers(headers),
    });
  }

  function itemsAlone({ input, itemsOf }: InputCase, payload: Payload): unknown[] {
    const argument: unknown = input.toArgument(payload);
    return input.cardinality === "one" ? [argument] : itemsOf(argument);
  }

  function itemsMerged({ input, itemsOf }: InputCase, payloads: readonly Payload[]): unknown[] {
    return itemsOf(input.merge(payloads));
  }

  describe(`the input ${name}`, () => {
    test("writes its first media type, the same each time, and reads it back", async () => {
      const the = create();
      for (const sample of samples) {
        const encoded = the.input.encode(sample);
        expect(parseMediaType(encoded.mediaType).mediaType).toBe(the.input.mediaTypes[0]);
        expect(the.input.encode(sample)).toEqual(encoded);
        const payload = await parse(the.input, sample);
        expect(itemsAlone(the, payload)).toHaveLength(payload.items);
      }
    });

    test("takes a body without a content type, or asks for one", async () => {
      const the = create();
      const { bytes, headers } = the.input.encode(samples[0]);
      const body = { bytes, mediaType: "", parameters: {}, headers: new Headers(headers) };
      // A form cannot be read without the boundary that its content type names.
      if (the.input.mediaTypes[0] === "multipart/form-data") {
        const error = await catchError(() => read(the.input, body));
        expect(error).toMatchObject({ code: "MEDIA_TYPE_UNSUPPORTED" });
        return;
      }
      const payload = await read(the.input, body);
      expect(payload.items).toBe((await parse(the.input, samples[0])).items);
    });

    test("merges any requests into the items that each has alone, in order", async () => {
      await fc.assert(
        fc.asyncProperty(indexes, async (chosen) => {
          const the = create();
          const payloads: Payload[] = [];
          const alone: unknown[] = [];
          for (const at of chosen) {
            payloads.push(await parse(the.input, samples[at]));
            alone.push(...itemsAlone(the, await parse(the.input, samples[at])));
          }
          expect(itemsMerged(the, payloads)).toEqual(alone);
        }),
        { numRuns: 50 },
      );
    });

    test("gives a request again after its first argument was changed", async () => {
      const the = create();
      for (const sample of samples) {
        const expected = structuredClone(itemsAlone(the, await parse(the.input, sample)));
        const payload = await parse(the.input, sample);
        for (const item of itemsAlone(the, payload)) spoil(item);
        expect(itemsMerged(the, [payload, payload])).toEqual([...expected, ...expected]);
      }
    });

    test("cuts a request into parts that make the whole again", async () => {
      const the = create();
      if (the.input.split === undefined) {
        expect(the.input.cardinality).toBe("one");
        return;
      }
      for (const sample of samples) {
        const whole = await parse(the.input, sample);
        for (const most of [1, 2, 3, 1000]) {
          const parts = the.input.split(whole, most);
          expect(Math.max(...parts.map((part) => part.items))).toBeLessThanOrEqual(most);
          expect(parts.reduce((sum, part) => sum + part.items, 0)).toBe(whole.items);
          expect(itemsMerged(the, parts)).toEqual(itemsAlone(the, whole));
        }
      }
    });

    test("makes payloads that cannot be changed", async () => {
      const { input } = create();
      const payload = await parse(input, samples[0]);
      expect(Object.isFrozen(payload)).toBe(true);
      expect(Object.isFrozen(payload.data)).toBe(true);
      expect(Object.isFrozen(input)).toBe(true);
    });

    test("refuses broken bodies with an error of the catalogue that can be sent", async () => {
      const { input, broken } = create();
      for (const body of broken) {
        const error = await catchError(() => read(input, body));
        expect(error).toBeInstanceOf(EkibenError);
        expect(CLIENT_ERRORS).toContain((error as EkibenError).code);
        const problem = toProblem(error, "id");
        expect(JSON.parse(JSON.stringify(problem))).toEqual(problem);
        expect(problem.detail).not.toBe(problem.title);
      }
    });

    test("names the media types that it reads when another one comes", async () => {
      const { input } = create();
      const body = {
        bytes: new Uint8Array([1]),
        mediaType: "application/x-unknown",
        parameters: {},
      };
      const error = (await catchError(() => read(input, body))) as EkibenError;
      if (input.mediaTypes.includes("*/*")) return expect(error).toBeUndefined();
      expect(error.code).toBe("MEDIA_TYPE_UNSUPPORTED");
      for (const mediaType of input.mediaTypes) expect(error.message).toContain(mediaType);
    });

    test("answers any bytes with a payload or an error of the catalogue", async () => {
      const { input } = create();
      const { mediaType, headers } = input.encode(samples[0]);
      const head = { ...parseMediaType(mediaType), headers: new Headers(headers) };
      const bytes = fc.oneof(
        fc.uint8Array({ maxLength: 64 }),
        fc.json().map((text) => Buffer.from(text)),
        fc
          .tuple(fc.nat({ max: samples.length - 1 }), fc.nat(), fc.nat({ max: 255 }))
          .map(([at, place, byte]) => {
            const copy = Uint8Array.from(input.encode(samples[at]).bytes);
            copy[place % copy.length] = byte;
            return copy;
          }),
      );
      await fc.assert(
        fc.asyncProperty(bytes, async (body) => {
          const error = await catchError(() => read(input, { bytes: body, ...head }));
          if (error === undefined) return;
          expect(error).toBeInstanceOf(EkibenError);
          expect(CLIENT_ERRORS).toContain((error as EkibenError).code);
        }),
        { numRuns: 300 },
      );
    });

    test("describes itself in JSON Schema that accepts what it reads", () => {
      const { input } = create();
      const content = input.content();
      expect(Object.keys(content)).toContain(input.mediaTypes[0]);
      for (const { schema } of Object.values(content)) {
        expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
        z.fromJSONSchema(schema as never);
      }
      z.fromJSONSchema(input.itemSchema() as never);
      const [first] = input.mediaTypes;
      if (first !== "application/json") return;
      const described = z.fromJSONSchema(content[first]!.schema as never);
      for (const sample of samples) {
        const sent: unknown = JSON.parse(Buffer.from(input.encode(sample).bytes).toString());
        expect(described.safeParse(sent).error).toBeUndefined();
      }
    });

    test("gives its schemas away as copies", () => {
      const { input } = create();
      const before = structuredClone([input.content(), input.itemSchema()]);
      for (const { schema } of Object.values(input.content())) schema["type"] = "spoiled";
      input.itemSchema()["type"] = "spoiled";
      expect([input.content(), input.itemSchema()]).toEqual(before);
    });
  });
}

function spoil(item: unknown): void {
  if (typeof item !== "object" || item === null || Object.isFrozen(item)) return;
  for (const key of Object.keys(item)) (item as Record<string, unknown>)[key] = "spoiled";
}

/** Reads a body in whichever of the two ways the input has. */
async function read(input: Input, { bytes, ...head }: RequestBody): Promise<Payload> {
  if (input.parseStream === undefined) return await input.parse({ bytes, ...head });
  return await input.parseStream({ ...head, chunks: inChunks(bytes) });
}

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

async function catchError(run: () => Promise<unknown>): Promise<unknown> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return error;
  }
}
