/** What somebody who runs a server may ask of it; answered by the primary where there is one. */
export interface Operations {
  readonly service: string;
  readonly version: string;
  readonly address: string;
  state(): { readonly status: "starting" | "ready" | "draining" } & WorkerNumbers;
  /** Each worker, or the one process that there is. */
  workers(): readonly WorkerReport[];
  /** What `/healthz` says in each worker. */
  health(): Promise<readonly object[]>;
  /** In the text format of Prometheus. */
  metrics?(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Exchanges the bundle. @throws what keeps it from doing so; what was served goes on */
  reload?(to: string | undefined): Promise<ReloadReport>;
}

interface WorkerNumbers {
  readonly workers: { readonly ready: number; readonly total: number };
}

export interface WorkerReport {
  readonly worker: number;
  readonly pid: number | undefined;
  readonly state: string;
  /** The bundle that it serves. */
  readonly bundle: string;
  readonly connections: number;
  /** How late its event loop was at most within the last half second, in milliseconds. */
  readonly lagMs: number | undefined;
  /** Milliseconds for which its event loop has not turned. */
  readonly silentMs: number;
  readonly rssBytes: number | undefined;
  readonly uptimeSeconds: number;
}

export interface ReloadReport {
  readonly from: string;
  readonly to: string;
  readonly workers: number;
  readonly ms: number;
}
