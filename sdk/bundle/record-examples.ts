import { EkibenError } from "../core/errors.js";
import { createApp } from "../http/create-app.js";
import { toRequestInit, toSentRequest, type SentRequest } from "../http/sent-request.js";
import type { FileStamp } from "../models/file-stamps.js";
import type { ModelDescription } from "../models/model.js";
import { silentLog } from "../observability/log.js";
import { createMetrics } from "../observability/metrics.js";
import type { ApiDefinition, ServiceDefinition } from "../service/definition.js";
import { findParameters } from "../service/route.js";
import type { Runtime } from "../service/runtime.js";
import { createRuntime } from "../service/create-runtime.js";
import { readSampleAnswer, toSample, type Sample } from "./sample.js";

export interface Recorded {
  samples: Sample[];
  /** By the name of the model. */
  modelDescriptions: Record<string, ModelDescription>;
  /** The files that the models were loaded from, as they were then. */
  modelFiles: readonly FileStamp[];
}

/**
 * Starts a service in this process and sends it the example of each API.
 * @throws what starting throws; BUILD_FAILED when an example is not answered with an output.
 */
export async function recordExamples(definition: ServiceDefinition): Promise<Recorded> {
  const runtime = createRuntime(definition, {
    log: silentLog,
    metrics: createMetrics(),
    checkOutputs: true,
  });
  await runtime.start();
  try {
    // Without middlewares: an example has no key, and what is recorded is what the API answers.
    const open = { ...definition, middleware: [] };
    const app = createApp(withDefinition(runtime, open), { mode: "development", log: silentLog });
    const samples: Sample[] = [];
    for (const api of Object.values(definition.apis)) {
      const request = toExampleRequest(api);
      if (request === undefined) continue;
      const response = await app.request(request.path, toRequestInit(request));
      if (response.status >= 400) throw unanswered(api.name, await response.text());
      const answer = await readSampleAnswer(response);
      samples.push(toSample(api.name, request, { answer, middleware: definition.middleware }));
    }
    const modelDescriptions = Object.fromEntries(
      Array.from(runtime.models, ([name, model]) => [name, model.describe()]),
    );
    return { samples, modelDescriptions, modelFiles: runtime.files };
  } finally {
    await runtime.drain();
  }
}

/** The example of an API as a request; one without a body needs none to be an example. */
export function toExampleRequest(api: ApiDefinition): SentRequest | undefined {
  const { example, exampleParameters, input } = api;
  const hasAll =
    Object.keys(exampleParameters?.params ?? {}).length === findParameters(api.route).length;
  if (example === undefined && (input.kind !== "none" || !hasAll)) return undefined;
  return toSentRequest(api, input.encode(example), exampleParameters);
}

function withDefinition(runtime: Runtime, definition: ServiceDefinition): Runtime {
  return Object.create(runtime, { definition: { value: definition } }) as Runtime;
}

function unanswered(api: string, text: string): EkibenError {
  let detail = text;
  try {
    detail = (JSON.parse(text) as { detail?: string }).detail ?? text;
  } catch {
    // A middleware may have answered with anything.
  }
  return new EkibenError("BUILD_FAILED", {
    detail: `The example of the API "${api}" is not answered: ${detail}`,
    hint: "Mend the handler or the example; a bundle is verified with it.",
  });
}
