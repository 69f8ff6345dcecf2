import type { Context, Hono } from "hono";
import { EkibenError } from "../../core/errors.js";
import { reject } from "../../core/rejection.js";
import type { Input, Payload } from "../../inputs/input.js";
import { parseJson } from "../../inputs/json-text.js";
import type { Runtime } from "../../service/runtime.js";
import type { NamedTensor } from "../../tensor/named-tensor.js";
import type { TensorDescription } from "../../tensor/tensor.js";
import type { AppOptions } from "../app-options.js";
import type { ProtocolFace } from "../api-request.js";
import type { Endpoint } from "../endpoint.js";
import { findPackageVersion } from "../package-version.js";
import { toProblemAnswer } from "../problem-response.js";
import { toRequestId } from "../request-id.js";
import { decodeInferenceRequest, type InferenceRequest } from "./inference-request.js";
import { encodeInferenceResponse, refuseOutput } from "./inference-response.js";
import { findOfferedApis } from "./offered-apis.js";
import { createOutputTensors, toMetadataTensor, type OutputTensors } from "./output-tensors.js";
import { mountProtocolRoute, printProblem, type ProblemForm } from "./protocol-route.js";

/** The version of a service that was not saved. */
const UNSAVED = "dev";

/** An API as a model of the protocol. */
interface Model {
  readonly endpoint: Endpoint;
  readonly outputs: OutputTensors;
}

/** The errors of the protocol. */
export const toInferenceError: ProblemForm = (problem) =>
  JSON.stringify({ error: printProblem(problem) });

/**
 * Mounts the Open Inference Protocol, version 2, over HTTP
 * (https://github.com/kserve/open-inference-protocol), with Triton's binary tensor data extension:
 * each API is a model.
 */
export function mountOpenInference(
  app: Hono,
  runtime: Runtime,
  endpoints: readonly Endpoint[],
  options: AppOptions,
): void {
  const { definition } = runtime;
  const offered = findOfferedApis(definition.name, endpoints);
  const version = options.bundle?.version ?? UNSAVED;
  const models = new Map<string, Model>();
  for (const [name, endpoint] of offered.byName) {
    const { output, input } = endpoint.api;
    models.set(name, { endpoint, outputs: createOutputTensors(output, input.cardinality) });
  }

  function findModel(c: Context): Model & { name: string } {
    const name = c.req.param("model") ?? "";
    const model = models.get(name);
    if (model === undefined) throw refuseModel(name, [...models.keys()], offered.reasons);
    const asked = c.req.param("version");
    if (asked === undefined || asked === version) return { name, ...model };
    throw new EkibenError("ROUTE_NOT_FOUND", {
      detail: `The model ${JSON.stringify(name)} has no version ${JSON.stringify(asked.slice(0, 100))}.`,
      hint: `Its version here is ${version}.`,
      expected: version,
      received: asked.slice(0, 100),
    });
  }

  const isReady = (): boolean => runtime.state === "ready";
  const get = (path: string, body: (c: Context) => object, status = () => 200): void => {
    app.get(path, (c) => {
      const id = toRequestId(c.req.header("x-request-id"));
      try {
        return toResponse(status(), JSON.stringify(body(c)), { "x-request-id": id });
      } catch (error) {
        const problem = toProblemAnswer(error, id, options);
        const text = toInferenceError(JSON.parse(problem.body));
        return toResponse(problem.status, text, problem.headers);
      }
    });
  };
  const readiness = (): number => (isReady() ? 200 : 503);

  const server = {
    name: "ekiben",
    version: findPackageVersion(),
    extensions: ["binary_tensor_data"],
  };
  get("/v2", () => server);
  get("/v2/", () => server);
  get("/v2/health/live", () => ({ live: true }));
  // The text of the protocol names the field `live`, its clients read `ready`.
  get("/v2/health/ready", () => ({ live: true, ready: isReady() }), readiness);
  get("/v2/models", () => ({ models: [...models.keys()] }));
  for (const path of ["/v2/models/:model", "/v2/models/:model/versions/:version"]) {
    get(path, (c) => toMetadata(findModel(c), version));
    get(`${path}/ready`, (c) => ({ name: findModel(c).name, ready: isReady() }), readiness);
  }
  mountProtocolRoute(
    app,
    {
      paths: ["/v2/models/:model/infer", "/v2/models/:model/versions/:version/infer"],
      form: toInferenceError,
      find(c) {
        const model = findModel(c);
        return { endpoint: model.endpoint, face: createFace(model, version) };
      },
    },
    definition.middleware,
    options,
  );
}

function toResponse(status: number, body: string, headers: Record<string, string>): Response {
  return new Response(body, {
    status,
    headers: {
      ...headers,
      "content-type": "application/json",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    },
  });
}

function toMetadata(
  { name, endpoint, outputs }: Model & { name: string },
  version: string,
): object {
  return {
    name,
    versions: [version],
    platform: "ekiben",
    inputs: describeInput(endpoint.api.input).map(toMetadataTensor),
    outputs: outputs.describe().map(toMetadataTensor),
  };
}

/** Reads one request and writes its answer. */
function createFace(
  { name, endpoint, outputs }: Model & { name: string },
  version: string,
): ProtocolFace {
  let request: InferenceRequest;
  return {
    parse(body, api) {
      request = decodeInferenceRequest(body);
      const known = outputs.describe();
      for (const { name: asked } of request.outputs ?? []) {
        if (known.length > 0 && !known.some((one) => one.name === asked))
          refuseOutput(asked, known);
      }
      return readInputs(api.input, request.inputs, endpoint);
    },
    writer: {
      mediaType: "application/json",
      write: (slice) =>
        encodeInferenceResponse(request, { model: name, version, tensors: outputs.from(slice) }),
      writeMixed() {
        throw reject(
          422,
          "Some of the items were refused, which the tensors of an answer cannot say; the route of the service tells which.",
        );
      },
    },
  };
}

function describeInput({
  parseTensors,
  describeTensors,
  parseJson: fromJson,
}: Input): readonly TensorDescription[] {
  if (parseTensors !== undefined) return describeTensors?.() ?? [];
  return fromJson === undefined ? [] : [{ name: "input", dtype: "string", shape: [1] }];
}

/** Tensors for the input of an API; one that reads JSON gets it as the text of the only element. */
function readInputs(
  input: Input,
  tensors: readonly NamedTensor[],
  { path }: Endpoint,
): Payload | Promise<Payload> {
  if (input.parseTensors !== undefined) return input.parseTensors(tensors);
  if (input.parseJson === undefined) {
    throw new EkibenError("MEDIA_TYPE_UNSUPPORTED", {
      detail: `The input of this API, ${input.kind}, cannot come as tensors.`,
      hint: `Send the request to POST ${path}.`,
      expected: input.mediaTypes.join(", "),
    });
  }
  const [tensor] = tensors;
  const [text] = tensor?.data ?? [];
  if (tensors.length !== 1 || tensor!.data.length !== 1 || typeof text !== "string") {
    throw new EkibenError("INPUT_INVALID", {
      detail: "The request is not one tensor with one element of BYTES.",
      hint: "Send the JSON that this API reads as the text of that element.",
      expected: "one BYTES tensor of the shape [1]",
      received: tensors
        .map((one) => `${one.name} [${one.dims.join(", ")}]`)
        .join(", ")
        .slice(0, 100),
    });
  }
  return input.parseJson(parseJson(text));
}

function refuseModel(
  name: string,
  known: readonly string[],
  reasons: ReadonlyMap<string, string>,
): EkibenError {
  const reason = reasons.get(name);
  const shown = JSON.stringify(name.slice(0, 100));
  return new EkibenError("ROUTE_NOT_FOUND", {
    detail:
      reason === undefined
        ? `There is no model ${shown}.`
        : `The API ${shown} is no model here: it ${reason}.`,
    hint:
      known.length === 0 ? "This service has no models." : `The models are ${known.join(", ")}.`,
    expected: known.join(", "),
    received: name.slice(0, 100),
  });
}
