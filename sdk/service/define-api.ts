import type { z } from "zod";
import { EkibenError } from "../core/errors.js";
import type { Input } from "../inputs/input.js";
import { none } from "../inputs/none.js";
import { jsonOutput } from "../outputs/json-output.js";
import type { Output } from "../outputs/output.js";
import { checkKeys } from "./check-keys.js";
import { checkExample, checkParameters } from "./check-parameters.js";
import type { ApiDefinition, BatchOptions, ExampleParameters, Method } from "./definition.js";
import { checkRoute, toRouteShape, type Invalid } from "./route.js";

/** The options of `.api()` with their types let go: what remains to be checked at run time. */
export interface AnyApiOptions {
  method?: Method;
  route?: string;
  summary?: string;
  description?: string;
  input?: Input;
  output?: z.ZodType | Output;
  params?: z.ZodType;
  query?: z.ZodType;
  batch?: BatchOptions | false;
  example?: unknown;
  exampleParameters?: ExampleParameters;
  maxConcurrency?: number;
  timeoutMs?: number;
  maxBodyBytes?: number;
  handler: ApiDefinition["handler"];
}

export const DEFAULT_BATCH: Required<BatchOptions> = {
  maxBatchSize: 100,
  maxLatencyMs: 10_000,
  maxQueueItems: 10_000,
  maxQueueBytes: 256 * 1024 * 1024,
  concurrency: 1,
};
export const DEFAULT_TIMEOUT_MS = 60_000;
export const DEFAULT_MAX_BODY_BYTES = 32 * 1024 * 1024;

const API_KEYS = [
  "method",
  "route",
  "summary",
  "description",
  "input",
  "output",
  "params",
  "query",
  "batch",
  "example",
  "exampleParameters",
  "maxConcurrency",
  "timeoutMs",
  "maxBodyBytes",
  "handler",
] as const satisfies readonly (keyof AnyApiOptions)[];
const API_NAME = /^[A-Za-z_$][\w$]*$/;

/** Checks the declaration of an API and fills in its defaults. @throws SERVICE_INVALID */
export function defineApi(
  name: string,
  options: AnyApiOptions,
  others: readonly ApiDefinition[],
): ApiDefinition {
  const invalid = (detail: string, hint?: string): EkibenError =>
    new EkibenError("SERVICE_INVALID", {
      detail: `The API "${name}": ${detail}`,
      ...(hint === undefined ? {} : { hint }),
    });

  if (!API_NAME.test(name)) {
    throw invalid("its name is not an identifier.", "Use letters, digits and underscores.");
  }
  checkKeys(`The API "${name}"`, options, API_KEYS);
  const input = options.input ?? none;
  // A zod schema has a `parse` too.
  if (typeof input.toArgument !== "function") {
    throw invalid(
      "`input` is not an input.",
      "Make it with an input function, such as dataframe(row) or json(schema).",
    );
  }
  if (typeof options.handler !== "function") throw invalid("`handler` is not a function.");
  const output = toOutput(name, options.output, invalid);

  const method = options.method ?? (options.input === undefined ? "GET" : "POST");
  if (method !== "GET" && method !== "POST") {
    throw invalid(`\`method\` is ${JSON.stringify(method)}.`, 'It is "GET" or "POST".');
  }
  if (method === "GET" && options.input !== undefined) {
    throw invalid(
      "a GET request has no body for its input to read.",
      "Leave out `input` and describe `query` or `params`, or use POST.",
    );
  }
  const route = (options.route ?? name).replace(/^\/+/, "");
  checkRoute(route, invalid);
  const taken = others.find(
    (api) => api.method === method && toRouteShape(api.route) === toRouteShape(route),
  );
  if (taken !== undefined) {
    throw invalid(
      `the route ${method} /${route} is the API "${taken.name}" already.`,
      "Give each API a route of its own.",
    );
  }
  checkParameters(route, options, invalid);
  checkKeys(`\`exampleParameters\` of the API "${name}"`, options.exampleParameters ?? {}, [
    "params",
    "query",
  ]);

  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  checkLimits(
    { timeoutMs, maxBodyBytes, ...optional("maxConcurrency", options.maxConcurrency) },
    invalid,
  );
  const batched = options.batch !== undefined && options.batch !== false;
  if (output.streams && (batched || input.cardinality === "many")) {
    throw invalid(
      `a stream answers one item, and ${batched ? "`batch` joins several requests" : "its input carries many"}.`,
      "Leave out `batch` and take an input of one item, or answer with another output.",
    );
  }
  const api: ApiDefinition = {
    name,
    method,
    route,
    input,
    output,
    handler: options.handler,
    timeoutMs,
    maxBodyBytes,
    ...optional("maxConcurrency", options.maxConcurrency),
    ...optional("summary", options.summary),
    ...optional("description", options.description),
    ...optional("params", options.params),
    ...optional("query", options.query),
    ...optional("example", options.example),
    ...optional("exampleParameters", options.exampleParameters),
  };
  checkExample(api, invalid);
  if (options.batch === undefined || options.batch === false) return Object.freeze(api);
  checkKeys(`\`batch\` of the API "${name}"`, options.batch, Object.keys(DEFAULT_BATCH));
  const batch = { ...DEFAULT_BATCH, ...options.batch };
  checkLimits(batch, invalid);
  return Object.freeze({ ...api, batch: Object.freeze(batch) });
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}

/** A zod schema means JSON, and no output at all means any JSON. */
function toOutput(name: string, output: z.ZodType | Output | undefined, invalid: Invalid): Output {
  if (output === undefined) return jsonOutput();
  if (typeof (output as Output).write === "function") return output as Output;
  if (typeof (output as z.ZodType).safeParse === "function") {
    try {
      return jsonOutput(output as z.ZodType);
    } catch (error) {
      if (!(error instanceof EkibenError)) throw error;
      const { detail, ...facts } = error.facts;
      throw new EkibenError(error.code, {
        ...facts,
        detail: `The output of the API "${name}": ${detail}`,
      });
    }
  }
  throw invalid(
    "`output` is neither a zod schema nor an output.",
    "It describes one output: a zod schema, or what an output function such as tensorOutput() makes.",
  );
}

function checkLimits(limits: object, invalid: Invalid): void {
  for (const [key, value] of Object.entries(limits)) {
    const whole = key === "timeoutMs" || key === "maxLatencyMs" || Number.isInteger(value);
    if (typeof value === "number" && Number.isFinite(value) && value > 0 && whole) continue;
    throw invalid(`\`${key}\` must be a positive number, got ${String(value)}.`);
  }
}
