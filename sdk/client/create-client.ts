import type { Service } from "../service/infer.js";
import { callApi } from "./call-api.js";
import { refuseCall } from "./client-error.js";
import type { Client, ClientOptions } from "./client.js";
import { toIterable } from "./client-stream.js";
import { createConnection, requestContract, type Connection } from "./connection.js";
import type { ServiceContract } from "./contract.js";
import { platformClock } from "./deadline.js";
import type { Effects } from "./exchange.js";

/**
 * Makes a client of a service, typed by the service itself, of which it loads nothing:
 * `import type { churn } from "./service.js"`. It works wherever there is `fetch`.
 * @param url the address of the service, such as `https://models.example.com/churn`
 * @throws CALL_INVALID for what is no address; its calls throw a ClientError
 * @example const client = createClient<typeof churn>("http://127.0.0.1:5000");
 * const answers = await client.predict(rows, { timeoutMs: 2000 });
 */
export function createClient<S extends Service = Service>(
  url: string | URL,
  options: ClientOptions = {},
): Client<S> {
  return connectClient(url, options, toEffects(options)) as Client<S>;
}

/**
 * What a service says of itself in `/metadata`: given to `createClient` as `contract`, it saves the
 * client that request.
 * @throws ClientError
 */
export function loadContract(
  url: string | URL,
  options: Omit<ClientOptions, "contract"> = {},
): Promise<ServiceContract> {
  const { address, effects } = createConnection(url, options, toEffects(options));
  return requestContract(address, options, effects);
}

/** `createClient` with its effects as an argument. */
export function connectClient(url: string | URL, options: ClientOptions, effects: Effects): object {
  const connection = createConnection(url, options, effects);
  // A page may name its own origin by a path.
  if (!/^(https?:\/\/|\/|$)/i.test(connection.address)) {
    throw refuseCall(
      `${JSON.stringify(connection.address)} is no address of a service.`,
      "Begin it with http:// or https://, or in a browser with a slash.",
    );
  }
  const calls = new Map<string, (...sent: unknown[]) => unknown>();
  return new Proxy(Object.freeze({}), {
    get(_, name) {
      if (typeof name !== "string" || isForeign(name, connection)) return undefined;
      let call = calls.get(name);
      if (call === undefined) {
        call = (...sent) => start(connection, name, sent);
        calls.set(name, call);
      }
      return call;
    },
  });
}

function start(connection: Connection, name: string, sent: unknown[]): unknown {
  const answer: Promise<unknown> = callApi(connection, name, sent, () => {
    // Who iterates a stream later than it fails still learns of it.
    answer.catch(() => {});
  });
  return toIterable(answer);
}

/**
 * Names that the language asks of any object: a client that had them would be awaited or printed by
 * a request. They are APIs only where the contract that is known says so, and `then` never.
 */
function isForeign(name: string, { contracts }: Connection): boolean {
  if (name === "then") return true;
  if (name !== "toJSON" && !(name in Object.prototype)) return false;
  return contracts.current?.apis.some((api) => api.name === name) !== true;
}

function toEffects({ fetch }: ClientOptions): Effects {
  return {
    clock: platformClock,
    random: Math.random,
    // Looked up at each call, so that what replaces it later is used.
    fetch: (url, init) => (fetch ?? globalThis.fetch)(url, init),
  };
}
