import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { EkibenError, toProblem } from "../../core/errors.js";
import type { Operations } from "./operations.js";

/**
 * Answers what operators ask, by plain `node:http`: it has to answer when everything else is busy.
 * `mayReload` says whether whoever reaches it may exchange the bundle.
 */
export function createAdminHandler(
  operations: () => Operations | undefined,
  { mayReload }: { mayReload: boolean },
): RequestListener {
  return (request, response) => {
    answer(request, response, operations(), mayReload).catch((error: unknown) => {
      const problem = toProblem(error, undefined, true);
      sendJson(response, problem.status, problem, "application/problem+json");
    });
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  operations: Operations | undefined,
  mayReload: boolean,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  request.resume();
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (request.method === "POST" && pathname === "/reload" && mayReload) {
    if (operations?.reload === undefined) throw notReloadable();
    sendJson(response, 200, await operations.reload(searchParams.get("to") ?? undefined));
    return;
  }
  const found = isRead ? ROUTES[pathname] : undefined;
  if (found === undefined) {
    throw new EkibenError(pathname in ROUTES ? "METHOD_NOT_ALLOWED" : "ROUTE_NOT_FOUND", {
      detail: `The management port does not answer ${request.method} ${pathname.slice(0, 200)}.`,
      expected: Object.keys(ROUTES)
        .map((path) => `GET ${path}`)
        .join(", "),
    });
  }
  await found(response, operations);
}

type Route = (response: ServerResponse, operations: Operations | undefined) => unknown;

/** As every answer of a service has them. */
const COMMON = { "x-content-type-options": "nosniff", "cache-control": "no-store" } as const;

const STARTING = { status: "starting", workers: { ready: 0, total: 0 } } as const;

const ROUTES: Readonly<Record<string, Route>> = {
  "/livez": (response) => sendJson(response, 200, { status: "live" }),
  "/readyz"(response, operations) {
    const state = operations?.state() ?? STARTING;
    sendJson(response, state.status === "ready" ? 200 : 503, state);
  },
  async "/healthz"(response, operations) {
    const state = operations?.state() ?? STARTING;
    const { service, version, address } = operations ?? {};
    const uptimeSeconds = Math.round(process.uptime());
    const health = (await operations?.health()) ?? [];
    sendJson(response, state.status === "ready" ? 200 : 503, {
      ...state,
      service,
      version,
      address,
      uptimeSeconds,
      processes: health,
    });
  },
  "/workers": (response, operations) =>
    sendJson(response, 200, {
      service: operations?.service,
      version: operations?.version,
      workers: operations?.workers() ?? [],
    }),
  async "/metrics"(response, operations) {
    if (operations?.metrics === undefined) {
      throw new EkibenError("ROUTE_NOT_FOUND", { detail: "There are no metrics here." });
    }
    const { contentType, text } = await operations.metrics();
    response.writeHead(200, { ...COMMON, "content-type": contentType }).end(text);
  },
};

function notReloadable(): EkibenError {
  return new EkibenError("COMMAND_INVALID", {
    detail: "This server cannot exchange its bundle now.",
    hint: "Start it with several workers, or with --reloadable.",
  });
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  type = "application/json",
): void {
  response.writeHead(status, { ...COMMON, "content-type": type }).end(`${JSON.stringify(body)}\n`);
}
