import type { BatcherStats } from "../../sdk/batching/batch.js";
import type { LineSink } from "../../sdk/observability/lines/line-sink.js";
import { silentLog } from "../../sdk/observability/log.js";
import {
  createRequestLog,
  type RequestLogOptions,
} from "../../sdk/observability/records/request-log.js";
import { listen } from "../../sdk/server/listen.js";
import type { ServiceDefinition } from "../../sdk/service/definition.js";
import { build } from "./serving.js";

export interface Line {
  [name: string]: any;
}

/** A service behind a real socket, with the lines that it logs. */
export interface Logging extends AsyncDisposable {
  readonly url: string;
  /** The lines of a stream so far. */
  lines(stream: string): Line[];
  /** The line of a stream about a request, once it is there. */
  line(stream: string, requestId: string): Promise<Line>;
  readonly raw: string[];
  /** The queue of an API. */
  stats(api: string): BatcherStats;
}

export async function serveLogging(
  definition: ServiceDefinition,
  options: Partial<RequestLogOptions> = {},
  appOptions: Parameters<typeof build>[1] = {},
): Promise<Logging> {
  const written: { stream: string; line: string }[] = [];
  const sink: LineSink = {
    write: (stream, line) => void written.push({ stream, line: Buffer.from(line).toString() }),
    dropped: () => [],
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const requestLog = createRequestLog({
    service: definition.name,
    version: "7",
    sink,
    streams: { access: true, prediction: true, feedback: true },
    hooks: definition.onRecord,
    log: silentLog,
    ...options,
  });
  const { app, runtime } = await build(definition, { requestLog, ...appOptions });
  const listening = await listen(app, { port: 0 });
  const lines = (wanted: string): Line[] =>
    written.filter(({ stream }) => stream === wanted).map(({ line }) => JSON.parse(line) as Line);
  return {
    url: listening.address,
    lines,
    stats: (api) => runtime.apis.get(api)!.stats()!,
    get raw() {
      return written.map(({ line }) => line);
    },
    async line(stream, requestId) {
      for (let attempt = 0; attempt < 1000; attempt++) {
        const found = lines(stream).filter((one) => one["http.request.id"] === requestId);
        if (found.length > 1) throw new Error(`there are ${found.length} lines of ${requestId}`);
        if (found.length === 1) return found[0]!;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error(`there is no ${stream} line of ${requestId}`);
    },
    async [Symbol.asyncDispose]() {
      await listening.close({ drainMs: 0, lingerMs: 0 });
      await runtime.drain();
    },
  };
}
