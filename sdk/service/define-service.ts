import type { MiddlewareHandler } from "hono";
import { checkName } from "../core/tag.js";
import { EkibenError } from "../core/errors.js";
import type { ModelDefinition } from "../models/model.js";
import { checkKeys } from "./check-keys.js";
import { defineApi, type AnyApiOptions } from "./define-api.js";
import type { ServiceDefinition } from "./definition.js";
import { checkFeedback } from "./feedback.js";
import { toRecordListener, type RecordOptions } from "./record-options.js";
import type { CallOptions, DevServerOptions, SaveOptions, ServiceFaces } from "./faces.js";
import type { EmptyShape, Service } from "./infer.js";

export interface ServiceOptions {
  /** 1 to 63 lower-case letters, digits, dots, hyphens or underscores. */
  name: string;
  /** Shown on the page and in the OpenAPI document. */
  description?: string;
  /** The standard protocols beside the service's own routes. @default all of them */
  protocols?: { openInference?: boolean; mlflow?: boolean };
}

/** Makes the `defineService` of the public surface from the faces that upper floors supply. */
export function createDefineService(
  faces: ServiceFaces,
): (options: ServiceOptions) => Service<EmptyShape> {
  return function defineService(options) {
    if (options === null || typeof options !== "object" || typeof options.name !== "string") {
      throw new EkibenError("SERVICE_INVALID", {
        detail: "defineService needs a name.",
        hint: 'Write defineService({ name: "churn" }).',
      });
    }
    checkKeys("defineService", options, ["name", "description", "protocols"]);
    checkName(options.name);
    const { protocols = {} } = options;
    checkKeys("`protocols`", protocols, ["openInference", "mlflow"]);
    return buildService(faces, {
      name: options.name,
      ...(options.description === undefined ? {} : { description: options.description }),
      protocols: Object.freeze({ openInference: true, mlflow: true, ...protocols }),
      models: {},
      apis: {},
      middleware: [],
      before: [],
      after: [],
      onError: [],
      onRecord: [],
      setup: [],
      warmup: [],
      close: [],
    });
  };
}

/** Tells a service from any other value, also one made by another copy of this package. */
export function isService(value: unknown): value is Service {
  return value !== null && typeof value === "object" && SERVICE in value;
}

const SERVICE = Symbol.for("ekiben.service");

type HookName = "setup" | "warmup" | "close" | "before" | "after" | "onError";

function buildService(faces: ServiceFaces, definition: ServiceDefinition): Service<any> {
  const next = (changes: Partial<ServiceDefinition>): Service<any> =>
    buildService(faces, { ...definition, ...changes });
  const withHook = (name: HookName, hook: unknown): Service<any> => {
    if (typeof hook !== "function") throw notAFunction(`.${name}()`, hook);
    return next({ [name]: [...definition[name], hook] } as Partial<ServiceDefinition>);
  };

  const service = {
    name: definition.name,
    definition: freezeDefinition(definition),
    named: (name) => next({ name: checkName(name) }),
    models: (models) => next({ models: { ...definition.models, ...checkModels(models) } }),
    api(name, options) {
      const others = Object.values(definition.apis).filter((api) => api.name !== name);
      const api = defineApi(name, options as unknown as AnyApiOptions, others);
      return next({ apis: { ...definition.apis, [name]: api } });
    },
    use(middleware: MiddlewareHandler) {
      if (typeof middleware !== "function") throw notAFunction(".use()", middleware);
      return next({ middleware: [...definition.middleware, middleware] });
    },
    before: (hook) => withHook("before", hook),
    after: (hook) => withHook("after", hook),
    onError: (hook) => withHook("onError", hook),
    onRecord(hook, options: RecordOptions = {}) {
      if (typeof hook !== "function") throw notAFunction(".onRecord()", hook);
      return next({ onRecord: [...definition.onRecord, toRecordListener(hook, options)] });
    },
    feedback: (schema) => next({ feedback: checkFeedback(schema) }),
    setup: (hook) => withHook("setup", hook),
    warmup: (hook) => withHook("warmup", hook),
    close: (hook) => withHook("close", hook),
    call: createCalls(definition, (api, input, options) =>
      faces.call(service, api, input, options),
    ),
    async startDevServer(options: DevServerOptions = {}) {
      checkKeys("startDevServer", options, ["port", "host", "allowedHosts"]);
      return await faces.startDevServer(service, options);
    },
    stopDevServer: () => faces.stopDevServer(service),
    async save(options: SaveOptions = {}) {
      checkKeys("save", options, [
        "labels",
        "version",
        "verify",
        "store",
        "mlflow",
        "allowSecrets",
      ]);
      return await faces.save(service, options);
    },
  } as Service<any>;
  // Not enumerable: who prints or copies a service must not start it.
  Object.defineProperty(service, "app", { get: () => faces.app(service) });
  Object.defineProperty(service, SERVICE, { value: true });
  Object.defineProperty(service, Symbol.for("nodejs.util.inspect.custom"), {
    value: () => describeService(definition),
  });
  return Object.freeze(service);
}

type Call = (api: string, input: unknown, options: CallOptions) => Promise<unknown>;

function createCalls(
  definition: ServiceDefinition,
  call: Call,
): Record<string, (...sent: any[]) => Promise<unknown>> {
  return Object.freeze(
    Object.fromEntries(
      Object.values(definition.apis).map(({ name, input }) => [
        name,
        // An API without a body is called with its options alone.
        input.kind === "none"
          ? (options: CallOptions = {}) => call(name, undefined, checkCall(name, options))
          : (sent: unknown, options: CallOptions = {}) =>
              call(name, sent, checkCall(name, options)),
      ]),
    ),
  );
}

function checkCall(name: string, options: CallOptions): CallOptions {
  checkKeys(`The call of "${name}"`, options, ["params", "query", "headers"]);
  return options;
}

function checkModels(models: Record<string, ModelDefinition>): Record<string, ModelDefinition> {
  for (const [name, model] of Object.entries(models)) {
    checkName(name.toLowerCase(), "model");
    if (typeof model?.load !== "function" || typeof model.files !== "function") {
      throw new EkibenError("SERVICE_INVALID", {
        detail: `The model "${name}" is not a model definition.`,
        hint: 'Make it with a model function, such as onnx("models/churn.onnx").',
        received: typeof model,
      });
    }
  }
  return models;
}

function freezeDefinition(definition: ServiceDefinition): ServiceDefinition {
  for (const [name, part] of Object.entries(definition)) {
    // A schema of zod keeps what it has made of itself.
    if (typeof part === "object" && name !== "feedback") Object.freeze(part);
  }
  return Object.freeze(definition);
}

function notAFunction(where: string, received: unknown): EkibenError {
  return new EkibenError("SERVICE_INVALID", {
    detail: `${where} needs a function.`,
    expected: "function",
    received: received === null ? "null" : typeof received,
  });
}

/** What a notebook shows of a service: its APIs and models instead of closures. */
function describeService(definition: ServiceDefinition): string {
  const apis = Object.values(definition.apis).map((api) => {
    const batch =
      api.batch === undefined
        ? ""
        : `, batches of up to ${api.batch.maxBatchSize} within ${api.batch.maxLatencyMs} ms`;
    return `  ${api.method} /${api.route}  ${api.name}(${api.input.kind})${batch}`;
  });
  const models = Object.entries(definition.models).map(([name, model]) => `${name}: ${model.kind}`);
  return [
    `Service ${definition.name}`,
    ...(models.length === 0 ? [] : [`  models { ${models.join(", ")} }`]),
    ...apis,
  ].join("\n");
}
