import { findClosestName, printNames } from "../core/closest-name.js";
import type { ClientCallOptions } from "./client.js";
import { ClientError, refuseCall } from "./client-error.js";
import { DEFAULT_RETRIES, lowerCase, readHeaders, type Connection } from "./connection.js";
import type { ApiContract, ServiceContract } from "./contract.js";
import { Deadline } from "./deadline.js";
import { isStream, type EncodedBody } from "./encoded-body.js";
import { encodeInput } from "./encode.js";
import { printDisposition } from "./encode-file.js";
import { exchange, toEnd } from "./exchange.js";
import { openStream } from "./open-stream.js";
import { readAnswer } from "./read-answer.js";
import { createRequestId } from "./request-id.js";
import { toRequestPath } from "./request-path.js";

/** What a call waits longer than the service, whose own answer to a time-out says more. */
const GRACE_MS = 5000;
const DEFAULT_TIMEOUT_MS = 60_000;
/** A contract that was checked so recently does not explain an input that is refused. */
const FRESH_MS = 60_000;

type CallOptions = Omit<ClientCallOptions, "accept"> & { accept?: string | undefined };

/** One call on its way. */
interface Call {
  connection: Connection;
  input: unknown;
  options: CallOptions;
  /** From the clock: when the caller began to wait. */
  began: number;
}

/**
 * Calls an API of a service.
 * @param sent the arguments of the call: the input, where there is one, and the options
 * @param onStream called when the answer is known to be a stream, before it is asked for
 * @throws ClientError
 */
export async function callApi(
  connection: Connection,
  name: string,
  sent: readonly unknown[],
  onStream: () => void,
): Promise<unknown> {
  const began = connection.effects.clock.now();
  const contract = await loadContract(connection, sent);
  const api = await findApi(connection, contract, name);
  if (api.output.streams) onStream();
  const [input, options = {}] = api.input.kind === "none" ? [undefined, sent[0]] : sent;
  const call: Call = { connection, input, options: options as CallOptions, began };
  try {
    return await sendCall(api, call);
  } catch (error) {
    const renewed = await renewApi(connection, { contract, api, input }, error);
    if (renewed === undefined) throw error;
    return await sendCall(renewed, call);
  }
}

/** The contract, for no longer than the caller waits. @throws ClientError */
async function loadContract(
  { contracts, effects, options }: Connection,
  [, given]: readonly unknown[],
): Promise<ServiceContract> {
  if (contracts.current !== undefined) return contracts.current;
  const { signal, timeoutMs = options.timeoutMs ?? Infinity } = (given ?? {}) as CallOptions;
  const deadline = new Deadline(effects.clock, signal);
  deadline.start(timeoutMs);
  try {
    const contract = await deadline.race(contracts.get());
    if (contract !== undefined) return contract;
    throw toEnd({ deadline, requestId: createRequestId() });
  } finally {
    deadline.settle();
  }
}

/** @throws CALL_INVALID when the service has no such API, also by what it says now */
async function findApi(
  { contracts }: Connection,
  contract: ServiceContract,
  name: string,
): Promise<ApiContract> {
  const found = pickApi(contract, name) ?? pickApi(await contracts.renew(contract), name);
  if (found !== undefined) return found;
  const { service, apis } = contracts.current ?? contract;
  const names = apis.map((api) => api.name);
  const closest = findClosestName(name, names);
  throw refuseCall(
    `The service ${JSON.stringify(service)} has no API ${JSON.stringify(name)}.`,
    closest === undefined
      ? `It has ${printNames(names)}.`
      : `Did you mean ${JSON.stringify(closest)}?`,
  );
}

function pickApi({ apis }: ServiceContract, name: string): ApiContract | undefined {
  return apis.find((api) => api.name === name);
}

async function sendCall(api: ApiContract, call: Call): Promise<unknown> {
  const { connection, input, options, began } = call;
  const { effects } = connection;
  const timeoutMs = options.timeoutMs ?? connection.options.timeoutMs;
  const limitMs = timeoutMs ?? (api.limits?.timeoutMs ?? DEFAULT_TIMEOUT_MS) + GRACE_MS;
  if (!(limitMs > 0)) throw refuseCall(`\`timeoutMs\` is ${limitMs}, and has to be more than 0.`);
  const deadline = new Deadline(effects.clock, options.signal);
  deadline.start(limitMs - (effects.clock.now() - began));
  try {
    const body = encodeInput(api.input, input);
    const path = toRequestPath(api, options.params, options.query);
    const headers = await toHeaders(api, body, call);
    const requestId = headers["x-request-id"] ?? createRequestId();
    const { accept } = options;
    return await exchange(
      {
        url: connection.address + path,
        method: api.method,
        headers,
        requestId,
        deadline,
        announce: timeoutMs !== undefined && timeoutMs !== Infinity,
        retries: options.retries ?? connection.options.retries ?? DEFAULT_RETRIES,
        replayable: !isStream(body.content),
        idempotent: options.idempotent ?? api.method === "GET",
        whole: isWhole(api, body),
        ...(body.content === undefined ? {} : { content: body.content }),
        read: (response, attempts) =>
          api.output.streams
            ? openStream(response, api, { requestId, deadline, limitMs, attempts })
            : readAnswer(response, api, { requestId, accept }),
      },
      effects,
    );
  } catch (error) {
    deadline.settle();
    throw error;
  } finally {
    // A stream goes on, and settles when it has ended.
    if (!api.output.streams) deadline.settle();
  }
}

async function toHeaders(
  { output }: ApiContract,
  { mediaType, headers, fileName }: EncodedBody,
  { connection, options }: Call,
): Promise<Record<string, string>> {
  const accept = options.accept ?? output.mediaTypes[0];
  return {
    ...(accept === undefined ? {} : { accept }),
    ...(mediaType === undefined ? {} : { "content-type": mediaType }),
    ...(fileName === undefined ? {} : { "content-disposition": printDisposition(fileName) }),
    ...headers,
    ...(await readHeaders(connection.options.headers)),
    ...lowerCase(options.headers),
  };
}

function isWhole({ input, limits }: ApiContract, { items }: EncodedBody): boolean {
  const count = input.items === "one" ? 1 : (items ?? Infinity);
  return count <= (limits?.maxBatchSize ?? Infinity);
}

/** Refusals that come before a handler and that an outdated contract would explain. */
const EXPLAINED: ReadonlySet<string> = new Set([
  "ROUTE_NOT_FOUND",
  "METHOD_NOT_ALLOWED",
  "MEDIA_TYPE_UNSUPPORTED",
  "NOT_ACCEPTABLE",
]);

/** What the service says now of an API, when that is other than what was known and explains `error`. */
async function renewApi(
  { contracts }: Connection,
  { contract, api, input }: { contract: ServiceContract; api: ApiContract; input: unknown },
  error: unknown,
): Promise<ApiContract | undefined> {
  if (!(error instanceof ClientError) || isStream(input)) return undefined;
  const { code, status } = error;
  const isExplained =
    EXPLAINED.has(code) ||
    (code === "ANSWER_INVALID" && (status === 404 || status === 405)) ||
    (code === "INPUT_INVALID" && contracts.ageMs > FRESH_MS);
  if (!isExplained) return undefined;
  const renewed = await contracts.renew(contract).catch(() => undefined);
  const found = renewed === undefined ? undefined : pickApi(renewed, api.name);
  return JSON.stringify(found) === JSON.stringify(api) ? undefined : found;
}
