import type { z } from "zod";
import type { Batcher, Job, Outcome } from "../batching/batch.js";
import { createBatcher } from "../batching/create-batcher.js";
import type { Clock } from "../core/clock.js";
import { EkibenError } from "../core/errors.js";
import type { Payload } from "../inputs/input.js";
import { toOutputBatch, toSingleOutput, type OutputBatch } from "../outputs/output-batch.js";
import { createOutputCheck } from "../outputs/output-check.js";
import type { Context } from "./context.js";
import type { ApiDefinition } from "./definition.js";
import { createContext, toRequestItems, type Call, type SharedContext } from "./handler-context.js";
import type { Answer, ApiRuntime, Invocation, RuntimeObserver } from "./runtime.js";

export interface ApiRuntimeOptions {
  shared(): SharedContext;
  checkOutputs: boolean;
  observer: RuntimeObserver;
  clock: Clock;
}

/** Calls the handler of an API for one request or a batch, and takes its outputs apart again. */
export function createApiRuntime(
  api: ApiDefinition,
  options: ApiRuntimeOptions,
): ApiRuntime & { drain(): Promise<void> } {
  const check =
    options.checkOutputs && api.output !== undefined
      ? createOutputCheck(api.name, api.output as z.ZodType)
      : undefined;
  const batcher = api.batch === undefined ? undefined : createApiBatcher(api.batch);
  let inFlight = 0;
  let idle: (() => void) | undefined;

  function createApiBatcher(batch: NonNullable<ApiDefinition["batch"]>): Batcher<Call, Answer> {
    return createBatcher<Call, Answer>({
      name: api.name,
      ...batch,
      clock: options.clock,
      observer: {
        batch: (record) => options.observer.batch?.(api.name, record),
        shed: (reason) => options.observer.shed?.(api.name, reason),
      },
      run: runBatch,
    });
  }

  async function runBatch(jobs: readonly Job<Call>[]): Promise<Outcome<Answer>[]> {
    const calls = jobs.map((job) => job.value);
    const payloads = calls.map((call) => call.payload);
    const { outputs, items, rejections } = await callHandler(api.input.merge(payloads), calls);
    return items.map((item, index) => {
      const rejection = rejections.get(index);
      if (rejection !== undefined) return { ok: true, value: rejection };
      try {
        return { ok: true, value: toAnswer(outputs, item.start, item.end) };
      } catch (error) {
        return { ok: false, error };
      }
    });
  }

  async function callHandler(argument: unknown, calls: readonly Call[]) {
    const items = toRequestItems(calls);
    const total = items.at(-1)!.end;
    const { context, rejections } = createContext(api.name, options.shared(), items);
    let returned: unknown;
    try {
      returned = await (api.handler as (argument: unknown, context: Context) => unknown)(
        argument,
        context,
      );
    } catch (error) {
      throw toHandlerError(api.name, error);
    }
    const everyRejected = rejections.size === items.length;
    const outputs =
      everyRejected || (api.batch === undefined && api.input.cardinality === "one")
        ? toSingleOutput(api.name, returned, everyRejected)
        : toOutputBatch(api.name, returned, total);
    return { outputs, items, rejections };
  }

  function toAnswer(outputs: OutputBatch, start: number, end: number): Answer {
    const slice = outputs.slice(start, end);
    check?.(slice.values());
    const json = slice.printJson();
    return {
      kind: "outputs",
      json: api.input.cardinality === "one" ? json.slice(1, -1) : json,
    };
  }

  async function runAlone(payload: Payload, invocation: Invocation): Promise<Answer> {
    const call = { payload, invocation };
    const { outputs, rejections } = await callHandler(api.input.toArgument(payload), [call]);
    return rejections.get(0) ?? toAnswer(outputs, 0, payload.items);
  }

  function submit(payload: Payload, invocation: Invocation): Promise<Answer> {
    if (batcher === undefined) return runAlone(payload, invocation);
    const limit = api.batch!.maxBatchSize;
    if (payload.items > limit && api.input.split !== undefined) {
      return submitInParts(batcher, api.input.split(payload, limit), invocation);
    }
    return batcher.submit({
      value: { payload, invocation },
      items: payload.items,
      signal: invocation.cancellation,
    });
  }

  /**
   * A request of more items than a batch may hold goes part by part, the next when the one before
   * is answered: it neither fills the queue nor holds up others, and the limits hold for each part.
   */
  async function submitInParts(
    batcher: Batcher<Call, Answer>,
    parts: readonly Payload[],
    invocation: Invocation,
  ): Promise<Answer> {
    const texts: string[] = [];
    for (const payload of parts) {
      const answer = await batcher.submit({
        value: { payload, invocation },
        items: payload.items,
        signal: invocation.cancellation,
      });
      if (answer.kind === "rejected") return answer;
      texts.push(answer.json.slice(1, -1));
    }
    return { kind: "outputs", json: `[${texts.join(",")}]` };
  }

  async function invoke(payload: Payload, invocation: Invocation): Promise<Answer> {
    if (payload.items === 0) return { kind: "outputs", json: "[]" };
    inFlight++;
    const work = submit(payload, invocation);
    // The place stays taken until the work has really ended, also when its caller no longer waits.
    work.then(release, release);
    return await answerInTime(work, invocation, { api, clock: options.clock });
  }

  function release(): void {
    inFlight--;
    if (inFlight === 0) idle?.();
  }

  return {
    api,
    invoke,
    stats: () => batcher?.stats(),
    async rehearse(payload, invocation) {
      if (api.batch === undefined || payload.items === 0) return;
      const call = { payload, invocation };
      const { items, outputs } = await callHandler(api.input.merge([payload, payload]), [
        call,
        call,
      ]);
      for (const item of items) if (outputs.count > 0) toAnswer(outputs, item.start, item.end);
    },
    async drain() {
      // A request in parts still has parts to submit, which a draining batcher would refuse.
      if (inFlight > 0) await new Promise<void>((resolve) => (idle = resolve));
      await batcher?.drain();
    },
  };
}

function toHandlerError(api: string, error: unknown): EkibenError {
  if (error instanceof EkibenError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new EkibenError("HANDLER_FAILED", {
    detail: `The handler of "${api}" failed: ${message}`,
    cause: error,
  });
}

/** The answer of the work, or why nobody waits for it any more, whichever is first. */
function answerInTime<T>(
  work: Promise<T>,
  { cancellation }: Invocation,
  { api, clock }: { api: ApiDefinition; clock: Clock },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancelTimer = clock.after(api.timeoutMs, () => {
      cancellation.abort(
        new EkibenError("REQUEST_TIMEOUT", {
          detail: `"${api.name}" did not answer within ${api.timeoutMs} ms.`,
        }),
      );
    });
    const onAbort = (): void => {
      cancelTimer();
      reject(cancellation.reason);
    };
    if (cancellation.aborted) onAbort();
    else cancellation.addEventListener("abort", onAbort);
    const settle = (): void => {
      cancelTimer();
      cancellation.removeEventListener("abort", onAbort);
    };
    work.then(
      (answer) => {
        settle();
        resolve(answer);
      },
      (error: unknown) => {
        settle();
        reject(error);
      },
    );
  });
}
