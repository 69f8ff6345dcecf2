import type { Hono } from "hono";
import type { Service } from "./infer.js";

export interface DevServerOptions {
  /** The port on 127.0.0.1; 0 takes a free one. @default 5000 */
  port?: number;
  /** @default "127.0.0.1" */
  host?: string;
  /**
   * Names beside `localhost`, addresses and `host` under which it may be asked, such as
   * `lab.example.com`; `.example.com` is every name below.
   */
  allowedHosts?: readonly string[];
}

/** What goes with the body of a call. */
export interface CallOptions<Params = any, Query = any> {
  /** The parameters of the path. */
  params?: Params;
  /** The parameters of the query string. */
  query?: Query;
  /** Further headers, such as `{ authorization: "Bearer …" }`. */
  headers?: Readonly<Record<string, string>>;
}

/** A running dev server. */
export interface DevServer {
  readonly url: string;
  readonly port: number;
  /** Answers what was accepted, then frees the port. */
  stop(): Promise<void>;
}

export interface SaveOptions {
  /** Words to find the bundle by. */
  labels?: Readonly<Record<string, string>>;
  /** The version. @default the time and the first digits of the digest */
  version?: string;
  /** Starts the bundle in a fresh process and replays the recorded calls. @default true */
  verify?: boolean;
  /**
   * The variables that may be saved although they look like a secret, by name or by what they hold;
   * `true` for all of them, and for the source of the cells. @default none
   */
  allowSecrets?: readonly string[] | boolean;
  /** The folder of the store. @default EKIBEN_HOME or ~/.ekiben */
  store?: string;
  /** Logs the bundle to MLflow as well. @default it stays in the store */
  mlflow?: MlflowLogOptions;
}

/** Where the archive of a bundle is logged to. */
export interface MlflowLogOptions {
  /** The id of a run that it becomes an artifact of. @default a new run */
  run?: string;
  /** The name of the experiment of a new run; made when there is none. @default MLFLOW_EXPERIMENT_NAME, or "Default" */
  experiment?: string;
  /** The registered model that it becomes a version of; made when there is none. */
  registerAs?: string;
  /** Tags of the run and of the version. */
  tags?: Readonly<Record<string, string>>;
  /** @default the environment variable MLFLOW_TRACKING_URI */
  trackingUri?: string;
}

/** Where the archive of a bundle was logged to. */
export interface LoggedBundle {
  readonly runId: string;
  readonly artifactUri: string;
  readonly model?: { readonly name: string; readonly version: string };
}

/** One line of the report of `save()`: what was captured, from where, and by which rule. */
export interface CaptureLine {
  name: string;
  kind: string;
  /** The number in `[ ]` of the cell, absent for what comes from no cell. */
  cell?: number;
  note?: string;
}

export interface SavedBundle {
  readonly name: string;
  readonly version: string;
  /** `name:version`. */
  readonly tag: string;
  readonly digest: string;
  readonly directory: string;
  readonly report: readonly CaptureLine[];
  /** How many recorded calls were replayed; `undefined` when verification was switched off. */
  readonly verified: number | undefined;
  /** Where it was logged to, when `save()` was asked to. */
  readonly mlflow?: LoggedBundle;
}

/**
 * What a service offers beyond its definition. These live on floors above this one, so they are
 * handed in where the public `defineService` is put together.
 */
export interface ServiceFaces {
  app(service: Service): Hono;
  call(service: Service, api: string, input: unknown, options: CallOptions): Promise<unknown>;
  startDevServer(service: Service, options: DevServerOptions): Promise<DevServer>;
  stopDevServer(service: Service): Promise<void>;
  save(service: Service, options: SaveOptions): Promise<SavedBundle>;
}
