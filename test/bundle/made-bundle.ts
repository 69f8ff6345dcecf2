import { join } from "node:path";
import { z } from "zod";
import { buildBundle, type BuiltBundle } from "../../sdk/bundle/build-bundle.js";
import type { Sample, SampleAnswer } from "../../sdk/bundle/sample.js";
import { deployment } from "../../sdk/deploy/deployment.js";
import { json } from "../../sdk/inputs/json.js";
import type { LoadedModel, ModelDefinition } from "../../sdk/models/model.js";
import { defineService } from "../../sdk/notebook/define-service.js";

/** What the bundles of these tests get for `ekiben`. */
export const ekiben = { defineService, json, z, weights: makeModel };

export interface Weights extends LoadedModel {
  readonly factor: number;
}

/** A model whose file holds one number. */
export function makeModel(file: string): ModelDefinition<Weights> {
  return {
    kind: "weights",
    files: async () => [{ source: file, path: "factor.txt" }],
    async load({ directory }) {
      const { readFile } = await import("node:fs/promises");
      const text = await readFile(directory === undefined ? file : join(directory, "factor.txt"));
      return {
        factor: Number(text),
        describe: () => ({ kind: "weights" }),
        release() {},
      };
    },
  };
}

export const SOURCE = `
import { defineService, json, weights, z } from "ekiben";
import { shift } from "./shift.js";

export default defineService({ name: "scale" })
  .models({ weights: weights("FACTOR") })
  .api("predict", {
    route: "v1/predict",
    input: json(z.object({ x: z.number() })),
    output: z.object({ y: z.number() }),
    example: { x: 1 },
    handler: ({ x }: { x: number }, { models }: any) => ({ y: x * models.weights.factor + shift }),
  });
`;

export const SAMPLE: Sample = {
  api: "predict",
  request: {
    method: "POST",
    path: "/v1/predict",
    headers: { "content-type": "application/json" },
    body: Buffer.from('{"x":2}'),
  },
  withheld: [],
  answer: answer({ y: 7 }),
};

/** An answer of this JSON. */
export function answer(json: unknown): SampleAnswer {
  return {
    status: 200,
    mediaType: "application/json",
    bytes: Buffer.from(JSON.stringify(json)),
  };
}

/** Files of a project in which `SOURCE` can be built. */
export const PROJECT = { "factor.txt": "3", "shift.ts": "export const shift: number = 1;" };

/** Builds `SOURCE` in a folder that holds `PROJECT`. */
export function buildScale(
  folder: string,
  options: {
    store?: string;
    directory?: string;
    now?: () => Date;
    labels?: Record<string, string>;
    version?: string;
    source?: string;
    samples?: readonly Sample[];
  } = {},
): Promise<BuiltBundle> {
  const { labels, source = SOURCE, samples = [SAMPLE], ...target } = options;
  const factor = join(folder, "factor.txt");
  const definition = defineService({ name: "scale" })
    .models({ weights: makeModel(factor) })
    .api("predict", {
      route: "v1/predict",
      input: json(z.object({ x: z.number() })),
      output: z.object({ y: z.number() }),
      example: { x: 1 },
      handler: ({ x }, { models }) => ({ y: x * models.weights.factor + 1 }),
    }).definition;
  return buildBundle(
    {
      entryCode: source,
      resolveDirectory: folder,
      definition,
      samples,
      provenance: { source: "file" },
      ...(labels === undefined ? {} : { labels }),
    },
    {
      deployment,
      ...(target.directory === undefined && target.store === undefined
        ? { store: join(folder, "store") }
        : {}),
      ...target,
    },
  );
}
