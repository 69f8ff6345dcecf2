import { connect } from "node:net";
import { z } from "zod";
import type { AppOptions } from "../../../sdk/http/app-options.js";
import { dataframe } from "../../../sdk/inputs/dataframe.js";
import type { ApiDefinition, ServiceDefinition } from "../../../sdk/service/definition.js";
import { api, build, listen, service, type Built, type Serving } from "../serving.js";

const Customer = z.object({
  tenure: z.number().nullable(),
  plan: z.enum(["basic", "pro"]),
});
const Churn = z.object({ churn: z.number(), label: z.string() });

/** The columns of a frame as a handler reads them. */
export interface Columns {
  tenure: { values: ArrayLike<number> };
  plan: { values: ArrayLike<string> };
}

/** A table in, a table out: what most services are. */
export function churnApi(changes: Partial<ApiDefinition> = {}): ApiDefinition {
  return api({
    name: "predict",
    route: "v1/churn/predict",
    input: dataframe(Customer),
    output: Churn,
    batch: {
      maxBatchSize: 100,
      maxLatencyMs: 10_000,
      maxQueueItems: 1000,
      maxQueueBytes: 2 ** 28,
      concurrency: 1,
    },
    example: [{ tenure: 3, plan: "basic" }],
    handler: ({ tenure, plan }: Columns) =>
      Array.from(tenure.values, (months, i) => ({
        churn: (Number.isFinite(months) ? months : 10) / 8,
        label: plan.values[i] === "pro" ? "stays" : "goes",
      })),
    ...changes,
  });
}

export function churn(changes: Partial<ServiceDefinition> = {}): ServiceDefinition {
  return service([churnApi()], { name: "churn", ...changes });
}

export type ServedProtocols = Serving & Built;

/** The app with its protocols on a free port. */
export async function serve(
  definition: ServiceDefinition,
  options: Partial<AppOptions> & { start?: boolean } = {},
): Promise<ServedProtocols> {
  const built = await build(definition, options);
  return Object.assign(await listen(built.app), built);
}

export interface Transcript {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** Sends bytes as a client would write them on its socket, and reads one answer. */
export function transcribe(
  port: number,
  head: readonly string[],
  body: Uint8Array | string = "",
): Promise<Transcript> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let received = Buffer.alloc(0);
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      const answer = readAnswer(received);
      if (answer === undefined) return;
      socket.destroy();
      resolve(answer);
    });
    socket.on("close", () => reject(new Error(`the socket closed after ${received.toString()}`)));
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
    socket.write(body);
  });
}

function readAnswer(received: Buffer): Transcript | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [first, ...lines] = received.subarray(0, end).toString("latin1").split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = received.subarray(end + 4);
  if (body.length < Number(headers["content-length"])) return undefined;
  return { status: Number(first!.split(" ")[1]), headers, body };
}
