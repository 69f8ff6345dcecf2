import type { ClientHeaders, ClientOptions } from "./client.js";
import type { ServiceContract } from "./contract.js";
import { checkContract, createContractStore, type ContractStore } from "./contract-store.js";
import { Deadline } from "./deadline.js";
import { exchange, type Effects } from "./exchange.js";
import { parseJson, toMediaType } from "./read-answer.js";
import { refuseAnswer } from "./read-problem.js";
import { createRequestId } from "./request-id.js";

/** How long a service may take to describe itself. */
const CONTRACT_TIMEOUT_MS = 10_000;
export const DEFAULT_RETRIES = 2;

/** A client's way to one service. */
export interface Connection {
  /** The address without a slash at its end. */
  readonly address: string;
  readonly options: ClientOptions;
  readonly effects: Effects;
  readonly contracts: ContractStore;
}

export function createConnection(
  url: string | URL,
  options: ClientOptions,
  effects: Effects,
): Connection {
  const address = String(url)
    .replace(/[?#].*$/s, "")
    .replace(/(?<!\/)\/+$/, "");
  const load = (): Promise<ServiceContract> => requestContract(address, options, effects);
  const contracts = createContractStore(load, effects.clock.now, options.contract);
  return { address, options, effects, contracts };
}

/** Asks a service what it takes and answers. @throws ClientError */
export async function requestContract(
  address: string,
  options: ClientOptions,
  effects: Effects,
): Promise<ServiceContract> {
  const requestId = createRequestId();
  const deadline = new Deadline(effects.clock);
  deadline.start(Math.min(options.timeoutMs ?? Infinity, CONTRACT_TIMEOUT_MS));
  try {
    return await exchange(
      {
        url: `${address}/metadata`,
        method: "GET",
        headers: { ...(await readHeaders(options.headers)), accept: "application/json" },
        requestId,
        retries: options.retries ?? DEFAULT_RETRIES,
        deadline,
        announce: false,
        replayable: true,
        idempotent: true,
        whole: true,
        async read(response) {
          const text = await response.text();
          const facts = { status: response.status, requestId };
          if (toMediaType(response.headers.get("content-type")) !== "application/json") {
            throw refuseAnswer(response, text, facts);
          }
          return checkContract(parseJson(text, facts), facts);
        },
      },
      effects,
    );
  } finally {
    deadline.settle();
  }
}

/** The headers of one request, names in lower case. */
export async function readHeaders(headers: ClientHeaders = {}): Promise<Record<string, string>> {
  return lowerCase(typeof headers === "function" ? await headers() : headers);
}

export function lowerCase(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
