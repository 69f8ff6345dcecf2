import { EkibenError } from "../core/errors.js";
import { createApp } from "../http/create-app.js";
import type { ModelDescription } from "../models/model.js";
import { silentLog } from "../observability/log.js";
import { createMetrics } from "../observability/metrics.js";
import type { ServiceDefinition } from "../service/definition.js";
import { createRuntime } from "../service/create-runtime.js";
import type { Sample } from "./sample.js";

export interface Recorded {
  samples: Sample[];
  /** By the name of the model. */
  modelDescriptions: Record<string, ModelDescription>;
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
    const app = createApp(runtime, { mode: "development", log: silentLog });
    const samples: Sample[] = [];
    for (const { name, route, input, example } of Object.values(definition.apis)) {
      if (example === undefined) continue;
      const request = input.encode(example);
      const response = await app.request(`/${route}`, {
        method: "POST",
        headers: { "content-type": request.mediaType },
        body: request.bytes as Uint8Array<ArrayBuffer>,
      });
      const text = await response.text();
      if (response.status >= 400) throw unanswered(name, text);
      samples.push({
        api: name,
        route,
        request,
        answer: { status: response.status, json: text === "" ? undefined : JSON.parse(text) },
      });
    }
    const modelDescriptions = Object.fromEntries(
      Array.from(runtime.models, ([name, model]) => [name, model.describe()]),
    );
    return { samples, modelDescriptions };
  } finally {
    await runtime.drain();
  }
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
