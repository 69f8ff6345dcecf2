import type { Payload } from "../../sdk/inputs/input.js";
import { promiseOf } from "../../sdk/core/waiter.js";
import type { Answer, ApiRuntime, Invocation } from "../../sdk/service/runtime.js";

/** Asks an API of a runtime and waits for its answer. */
export function invoke(api: ApiRuntime, payload: Payload, invocation: Invocation): Promise<Answer> {
  return promiseOf((waiter) => api.invoke(payload, invocation, waiter));
}
