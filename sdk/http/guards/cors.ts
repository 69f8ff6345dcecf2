import type { MiddlewareHandler } from "hono";
import { cors as honoCors } from "hono/cors";
import { EkibenError } from "../../core/errors.js";
import { checkKeys } from "../../service/check-keys.js";

export interface CorsOptions {
  /** The origins whose pages may ask, such as `https://app.example`; `"*"` is every one. */
  origins: "*" | readonly string[] | ((origin: string) => boolean);
  /** @default GET and POST */
  methods?: readonly string[];
  /** The headers that a page may send. @default those that it asks for */
  headers?: readonly string[];
  /** The headers that a page may read, beside `X-Request-Id`. */
  exposeHeaders?: readonly string[];
  /** Whether a page may send cookies and the like; not with the origin `"*"`. @default false */
  credentials?: boolean;
  /** Seconds for which a browser need not ask again. @default 600 */
  maxAgeSeconds?: number;
}

const KEYS = ["origins", "methods", "headers", "exposeHeaders", "credentials", "maxAgeSeconds"];

/**
 * Lets the pages of other origins ask (Fetch standard, CORS protocol). Added before what asks for
 * credentials, its headers are on refusals too, so that a page can read why it was refused.
 * @throws SERVICE_INVALID
 * @example defineService({ name: "churn" }).use(cors({ origins: ["https://app.example"] }))
 */
export function cors(options: CorsOptions): MiddlewareHandler {
  checkKeys("cors()", options ?? {}, KEYS);
  const { origins, credentials = false, maxAgeSeconds = 600 } = options ?? {};
  const isOpen = origins === "*" || (Array.isArray(origins) && origins.includes("*"));
  if (!isOpen && typeof origins !== "function") checkOrigins(origins as readonly string[]);
  if (isOpen && credentials) {
    throw invalid('`credentials` goes with named origins, and `origins` is "*".');
  }
  const middleware = honoCors({
    origin: isOpen
      ? "*"
      : typeof origins === "function"
        ? (origin) => (origins(origin) ? origin : null)
        : [...(origins as readonly string[])],
    allowMethods: [...(options.methods ?? ["GET", "POST"])],
    allowHeaders: [...(options.headers ?? [])],
    exposeHeaders: [...new Set(["X-Request-Id", ...(options.exposeHeaders ?? [])])],
    credentials,
    maxAge: maxAgeSeconds,
  });
  return Object.assign(middleware, { [NAMES_ORIGINS]: true });
}

/** By this key, since a notebook may hold more than one copy of this package. */
const NAMES_ORIGINS = Symbol.for("ekiben.names-origins");

/** Whether one of the middlewares says which origins may ask. */
export function namesOrigins(middleware: readonly MiddlewareHandler[]): boolean {
  return middleware.some((one) => NAMES_ORIGINS in one);
}

/** A browser sends scheme, host and port, and nothing after them; anything else never matches. */
function checkOrigins(origins: readonly string[]): void {
  if (!Array.isArray(origins)) throw invalid('`origins` is neither a list nor "*".');
  const wrong = (origins as readonly unknown[]).find((origin) => {
    return origin !== "null" && (typeof origin !== "string" || toOrigin(origin) !== origin);
  });
  if (wrong === undefined) return;
  throw invalid(`${JSON.stringify(wrong)} in \`origins\` is not an origin.`);
}

function toOrigin(text: string): string | undefined {
  try {
    const { protocol, host } = new URL(text);
    return `${protocol}//${host}`;
  } catch {
    return undefined;
  }
}

function invalid(detail: string): EkibenError {
  return new EkibenError("SERVICE_INVALID", {
    detail: `cors(): ${detail}`,
    hint: 'Write cors({ origins: ["https://app.example"] }): scheme, host and port, without a path.',
  });
}
