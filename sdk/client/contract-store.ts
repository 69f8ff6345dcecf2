import { ClientError } from "./client-error.js";
import type { ApiContract, ServiceContract } from "./contract.js";

/** The contract of one service, as far as a client knows it. */
export interface ContractStore {
  /** What is known now, without asking. */
  readonly current: ServiceContract | undefined;
  /** Milliseconds since the service was last asked; infinite for a contract that was given. */
  readonly ageMs: number;
  /** The contract; the service is asked when none is known. @throws ClientError */
  get(): Promise<ServiceContract>;
  /** The contract that follows `known`: the service is asked unless somebody did meanwhile. */
  renew(known: ServiceContract): Promise<ServiceContract>;
}

export function createContractStore(
  load: () => Promise<ServiceContract>,
  now: () => number,
  given?: ServiceContract,
): ContractStore {
  let current = given;
  let asked = -Infinity;
  let loading: Promise<ServiceContract> | undefined;

  /** Calls that come while the service is asked share its answer. */
  function ask(): Promise<ServiceContract> {
    asked = now();
    loading ??= load()
      .then((contract) => (current = contract))
      .finally(() => (loading = undefined));
    return loading;
  }

  return {
    get current() {
      return current;
    },
    get ageMs() {
      return now() - asked;
    },
    get: () => (current === undefined ? ask() : Promise.resolve(current)),
    renew: (known) =>
      current === known || current === undefined ? ask() : Promise.resolve(current),
  };
}

/** @throws ANSWER_INVALID for what no service of ekiben answers */
export function checkContract(
  value: unknown,
  facts: { requestId: string; status: number },
): ServiceContract {
  const { apis } = (value ?? {}) as Partial<ServiceContract>;
  if (Array.isArray(apis) && apis.every(isApi)) return value as ServiceContract;
  throw new ClientError("ANSWER_INVALID", {
    ...facts,
    detail: "What GET /metadata answers is not the contract of a service.",
    hint: "Check the address: it is the one under which GET /metadata describes the service.",
  });
}

function isApi(value: unknown): value is ApiContract {
  const { name, method, path, input, output } = (value ?? {}) as Partial<ApiContract>;
  const texts = [name, method, path, input?.kind, output?.kind];
  return (
    texts.every((text) => typeof text === "string") &&
    Array.isArray(input?.mediaTypes) &&
    Array.isArray(output?.mediaTypes)
  );
}
