import type { ApiDefinition } from "../../service/definition.js";
import type { Endpoint } from "../endpoint.js";

/** The APIs of a service as other protocols name them. */
export interface OfferedApis<Of extends Pick<Endpoint, "api"> = Endpoint> {
  /** By every name that leads to one. */
  readonly byName: ReadonlyMap<string, Of>;
  /** The API for requests that name none. */
  readonly standard?: Of;
  /** What keeps an API out, by its name. */
  readonly reasons: ReadonlyMap<string, string>;
}

/** The name of the API that stands for its service. */
const STANDARD = "predict";

/**
 * The APIs that other protocols can ask. The service's own name stands for the API `predict`,
 * otherwise for the only one, unless an API has that name.
 */
export function findOfferedApis<Of extends Pick<Endpoint, "api">>(
  service: string,
  endpoints: readonly Of[],
): OfferedApis<Of> {
  const reasons = new Map<string, string>();
  const byName = new Map<string, Of>();
  for (const endpoint of endpoints) {
    const { api } = endpoint;
    const reason = findReason(api);
    if (reason === undefined) byName.set(api.name, endpoint);
    else reasons.set(api.name, reason);
  }
  const standard =
    byName.get(STANDARD) ?? (byName.size === 1 ? [...byName.values()][0] : undefined);
  if (standard === undefined) return { byName, reasons };
  if (!byName.has(service)) byName.set(service, standard);
  return { byName, standard, reasons };
}

function findReason({ method, route, output }: ApiDefinition): string | undefined {
  if (method !== "POST") return `is asked with ${method}`;
  if (route.includes(":")) return "has parameters in its path";
  return output.streams ? "answers with a stream" : undefined;
}
