import type { Batcher, BatchRecord, Job, Outcome } from "../batching/batch.js";
import { createBatcher } from "../batching/create-batcher.js";
import { unlessAborted } from "../core/cancellation.js";
import type { Clock } from "../core/clock.js";
import { promiseOf, type Waiter } from "../core/waiter.js";
import { isRejection } from "../core/rejection.js";
import type { Payload } from "../inputs/input.js";
import type { RunTrace } from "../observability/traces/tracing.js";
import { toOutputBatch, toSingleOutput } from "../outputs/output-batch.js";
import { createOutputCheck, readChecked } from "../outputs/output-check.js";
import type { OutputSlice } from "../outputs/output.js";
import { beginRun, endRun, type RunFacts } from "./call-facts.js";
import type { Admission, ApiLoad, Arrival } from "./admission.js";
import type { Context } from "./context.js";
import type { AfterHook, ApiDefinition, BeforeHook } from "./definition.js";
import {
  createContext,
  toRejected,
  toRequestItems,
  type Call,
  type SharedContext,
} from "./handler-context.js";
import { Deadlines } from "./deadlines.js";
import type { Gate } from "./gate.js";
import { toHandlerError } from "./handler-error.js";
import { openStream } from "./open-stream.js";
import { EMPTY_SLICE, insertRejected, joinSlices, retainSlice } from "./parts.js";
import type {
  Answer,
  AnswerWriter,
  ApiRuntime,
  Invocation,
  RuntimeObserver,
  Written,
} from "./runtime.js";

export interface ApiRuntimeOptions {
  /** What all contexts have in common; for a run that somebody listens to, with models that tell. */
  shared(run?: RunFacts): SharedContext;
  hooks: { before: readonly BeforeHook[]; after: readonly AfterHook[] };
  checkOutputs: boolean;
  observer: RuntimeObserver;
  /** Counts what is in flight in the whole service. */
  gate: Gate;
  clock: Clock;
}

/** Calls the handler of an API for one request or a batch, and takes its outputs apart again. */
export function createApiRuntime(
  api: ApiDefinition,
  options: ApiRuntimeOptions,
): ApiRuntime & { drain(): Promise<void> } {
  const { hooks } = options;
  const { schema } = api.output;
  const check =
    options.checkOutputs && schema !== undefined ? createOutputCheck(api.name, schema) : undefined;
  const batcher = api.batch === undefined ? undefined : createApiBatcher(api.batch);
  const mostItems = api.batch?.maxBatchSize ?? Infinity;
  const { observer } = options;
  const trace = observer.run && observer.run.bind(observer, api.name);
  const load: ApiLoad = { working: 0, meanMs: 0 };
  const { gate, clock } = options;
  const admissionContext = { api, gate, load, clock, deadlines: new Deadlines(clock), onEnd };
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

  async function runBatch(
    jobs: readonly Job<Call>[],
    record: BatchRecord,
  ): Promise<Outcome<Answer>[]> {
    const calls = jobs.map((job) => job.value);
    for (const { admission } of calls) admission?.take();
    const run = beginRun(calls, record, trace);
    let failed = false;
    try {
      return await answerCalls(calls, run);
    } catch (error) {
      // What is thrown on a batch of many is asked again in halves, down to the request it is for.
      if (calls.length === 1 && isRejection(error)) return [toSuccess(toRejected(error))];
      failed = true;
      throw error;
    } finally {
      if (run !== undefined) endRun(run, options.clock.now(), failed);
      for (const { admission } of calls) admission?.give();
    }
  }

  async function answerCalls(
    calls: readonly Call[],
    run: RunFacts | undefined,
  ): Promise<Outcome<Answer>[]> {
    const payloads = calls.map((call) => call.payload);
    const argument: unknown = api.input.merge(payloads);
    const { outputs, items, rejections } = await callHandler(argument, calls, run);
    let waits = false;
    const outcomes = items.map((item, index): Outcome<Answer> | Promise<Outcome<Answer>> => {
      const rejected = rejections.get(index);
      if (rejected !== undefined) return { ok: true, value: rejected };
      try {
        const answer = toAnswer(outputs.slice(item.start, item.end), calls[index]!);
        if (!(answer instanceof Promise)) return { ok: true, value: answer };
        waits = true;
        return answer.then(toSuccess, toFailure);
      } catch (error) {
        return toFailure(error);
      }
    });
    return waits ? await Promise.all(outcomes) : (outcomes as Outcome<Answer>[]);
  }

  async function callHandler(argument: unknown, calls: readonly Call[], run?: RunFacts) {
    const items = toRequestItems(calls);
    const total = items.at(-1)!.end;
    const { context, rejections } = createContext(api, options.shared(run), items);
    let returned: unknown;
    try {
      const work = run?.trace;
      returned =
        work === undefined
          ? await runHandler(argument, context, rejections)
          : await work.enter(() => runHandler(argument, context, rejections));
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

  /** The hooks before, the handler unless they have rejected every request, and the hooks after. */
  async function runHandler(
    argument: unknown,
    context: Context,
    rejections: ReadonlyMap<number, unknown>,
  ): Promise<unknown> {
    let given = argument;
    for (const hook of hooks.before) given = (await hook(given, context as never)) ?? given;
    if (rejections.size === context.items.length) return undefined;
    const handler = api.handler as (argument: unknown, context: Context) => unknown;
    let returned = await handler(given, context);
    if (rejections.size === context.items.length) return returned;
    for (const hook of hooks.after) returned = (await hook(returned, context as never)) ?? returned;
    return returned;
  }

  function toAnswer(
    outputs: OutputSlice,
    { payload, invocation, keep }: Call,
  ): Answer | Promise<Answer> {
    check?.(readChecked(api.output, outputs, api.input.cardinality));
    if (keep !== undefined) {
      keep(retainSlice(outputs));
      return KEPT;
    }
    return write(outputs, payload, invocation);
  }

  function write(
    outputs: OutputSlice,
    payload: Payload,
    { writer, facts }: Invocation,
  ): Answer | Promise<Answer> {
    if (facts?.hasSteps !== true) return writeOutputs(outputs, payload, writer);
    const began = options.clock.now();
    const note = (answer: Answer): Answer => {
      facts.written = { began, ended: options.clock.now() };
      return answer;
    };
    const answer = writeOutputs(outputs, payload, writer);
    return answer instanceof Promise ? answer.then(note) : note(answer);
  }

  function writeOutputs(
    outputs: OutputSlice,
    { rejected }: Payload,
    writer: AnswerWriter,
  ): Answer | Promise<Answer> {
    if (rejected !== undefined && rejected.size > 0) {
      const mixed = insertRejected(outputs, rejected);
      return toOutputs(writer.writeMixed?.(mixed) ?? printMixed(mixed));
    }
    const written = writer.write(outputs);
    return written instanceof Promise ? written.then(toOutputs) : toOutputs(written);
  }

  async function runAlone(payload: Payload, invocation: Invocation): Promise<Answer> {
    const call: Call = { payload, invocation };
    // The client may have gone while its body was parsed.
    if (invocation.cancellation.aborted) throw invocation.cancellation.reason;
    const argument: unknown = api.input.toArgument(payload);
    const run = invocation.facts === undefined ? undefined : beginAlone(call);
    try {
      let answer: Answer;
      if (api.output.streams) {
        answer = await startStream(argument, call, run);
      } else {
        const { outputs, rejections } = await callHandler(argument, [call], run);
        answer = rejections.get(0) ?? (await toAnswer(outputs.slice(0, payload.items), call));
      }
      if (run !== undefined) endAlone(run, answer);
      return answer;
    } catch (error) {
      if (run !== undefined) endRun(run, options.clock.now(), !isRejection(error));
      throw error;
    }
  }

  function beginAlone(call: Call): RunFacts | undefined {
    const { items } = call.payload;
    const began = options.clock.now();
    const record = { requests: 1, items, reason: "unbatched" as const, began, waitMs: 0 };
    return beginRun([call], record, trace);
  }

  function endAlone(run: RunFacts, answer: Answer): void {
    const end = (failed: boolean): void => endRun(run, options.clock.now(), failed);
    if (answer.kind === "stream") void answer.ended.then(end);
    else end(false);
  }

  /** The first value is waited for, so that what fails before it is answered with a status. */
  async function startStream(
    argument: unknown,
    call: Call,
    run: RunFacts | undefined,
  ): Promise<Answer> {
    const items = toRequestItems([call]);
    const { context, rejections } = createContext(api, options.shared(run), items);
    try {
      const work = run?.trace;
      const returned =
        work === undefined
          ? await runHandler(argument, context, rejections)
          : bindStream(work, await work.enter(() => runHandler(argument, context, rejections)));
      const rejected = rejections.get(0);
      if (rejected !== undefined) return rejected;
      return await openStream(api, returned, { ...call.invocation, clock: options.clock, check });
    } catch (error) {
      throw toHandlerError(api.name, error);
    }
  }

  /** Whether one batch can take all of it; `undefined` when there are no batches. */
  function findBatcher({ items }: Payload): Batcher<Call, Answer> | undefined {
    const isWhole = api.input.split === undefined || items <= mostItems;
    return items > 0 && isWhole ? batcher : undefined;
  }

  function toJob(call: Call, now?: number): Job<Call> {
    const { payload, invocation, admission } = call;
    const { items } = payload;
    const signal = invocation.cancellation;
    if (admission === undefined) return { value: call, items, signal };
    const { bytes, arrived, deadline } = admission;
    return { value: call, items, signal, bytes, arrived, deadline, now: now ?? clock.now() };
  }

  async function answerOtherwise(call: Call): Promise<Answer> {
    const { payload, invocation } = call;
    try {
      if (payload.items === 0) return await answerNothing(payload, invocation);
      if (batcher === undefined) return await runAlone(payload, invocation);
      const parts = api.input.split!(payload, api.batch!.maxBatchSize);
      return await submitInParts(batcher, parts, call);
    } catch (error) {
      if (isRejection(error)) return toRejected(error);
      throw error;
    }
  }

  /** A request of no items needs no handler; what its input answers itself decides the status. */
  function answerNothing(payload: Payload, invocation: Invocation): Answer | Promise<Answer> {
    const { rejected } = payload;
    if (rejected === undefined || rejected.size === 0) {
      return write(EMPTY_SLICE, payload, invocation);
    }
    const bodies = Array.from(rejected.values(), ({ body }) => body ?? null);
    const [first] = rejected.values();
    return toRejected({ status: first!.status, body: bodies });
  }

  /**
   * A request of more items than a batch may hold goes part by part, the next when the one before
   * is answered: it neither fills the queue nor holds up others, and `maxLatencyMs` holds for each part.
   */
  async function submitInParts(
    batcher: Batcher<Call, Answer>,
    parts: readonly Payload[],
    { payload: whole, invocation, admission }: Call,
  ): Promise<Answer> {
    const slices: OutputSlice[] = [];
    for (const [index, payload] of parts.entries()) {
      const keep = (slice: OutputSlice): void => void slices.push(slice);
      const job = toJob({ payload, invocation, admission, keep });
      // The way here is behind the first part only.
      const answer = await batcher.submit(index === 0 ? job : { ...job, arrived: undefined });
      if (answer !== KEPT) return answer;
    }
    return await write(joinSlices(slices), whole, invocation);
  }

  function admit(arrival: Arrival): Admission {
    const admission = options.gate.admit(arrival, admissionContext);
    inFlight++;
    return admission;
  }

  function onEnd(): void {
    inFlight--;
    if (inFlight === 0) idle?.();
  }

  function invoke(payload: Payload, invocation: Invocation, waiter: Waiter<Answer>): void {
    try {
      if (invocation.admission !== undefined) work(payload, invocation, waiter);
      else invokeUnadmitted(payload, invocation, waiter);
    } catch (error) {
      waiter.reject(error);
    }
  }

  function invokeUnadmitted(
    payload: Payload,
    invocation: Invocation,
    waiter: Waiter<Answer>,
  ): void {
    const admission = admit(invocation);
    promiseOf<Answer>((inner) => work(payload, { ...invocation, admission }, inner))
      .finally(() => admission.leave())
      .then(waiter.resolve.bind(waiter), waiter.reject.bind(waiter));
  }

  /** @throws CONCURRENCY_EXCEEDED */
  function work(payload: Payload, invocation: Invocation, waiter: Waiter<Answer>): void {
    const { facts } = invocation;
    const admission = invocation.admission!;
    const call: Call = { payload, invocation, admission };
    const now = admission.begin(payload);
    if (facts !== undefined) facts.queued = now;
    const whole = findBatcher(payload);
    // The batcher answers a request that is cancelled, and while a batch runs each of its requests
    // has its place.
    if (whole !== undefined) whole.enter(toJob(call, now), waiter);
    else workOtherwise(call).then(waiter.resolve.bind(waiter), waiter.reject.bind(waiter));
  }

  /** Answers when the work has ended or its request is cancelled, whichever is first. */
  async function workOtherwise(call: Call): Promise<Answer> {
    const { invocation } = call;
    const admission = call.admission!;
    // The place stays taken until the work has really ended, also when its caller no longer waits.
    admission.take();
    const end = (): void => admission.give();
    const working = answerOtherwise(call);
    working.then((answer) => {
      if (answer.kind === "stream") void answer.ended.then(end);
      else end();
    }, end);
    return unlessAborted(working, invocation.cancellation);
  }

  return {
    api,
    admit,
    invoke,
    load: () => ({ working: load.working }),
    stats: () => batcher?.stats(),
    async rehearse(payload, invocation) {
      if (api.batch === undefined || payload.items === 0) return;
      const call: Call = { payload, invocation: { ...invocation, facts: undefined } };
      const twice = api.input.merge([payload, payload]);
      const { items, outputs, rejections } = await callHandler(twice, [call, call]);
      for (const [index, { start, end }] of items.entries()) {
        if (!rejections.has(index)) await toAnswer(outputs.slice(start, end), call);
      }
    },
    async drain() {
      // A request in parts still has parts to submit, which a draining batcher would refuse.
      if (inFlight > 0) await new Promise<void>((resolve) => (idle = resolve));
      await batcher?.drain();
    },
  };
}

/** A generator runs where its next value is asked for: each step is part of the trace of its call. */
function bindStream(trace: RunTrace, returned: unknown): unknown {
  const open = (returned as Partial<AsyncIterable<unknown>> | null)?.[Symbol.asyncIterator];
  if (typeof open !== "function") return returned;
  const iterator = open.call(returned);
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => trace.enter(() => iterator.next()),
      return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
    }),
  };
}

const MIXED_HEADERS = Object.freeze({
  "content-type": "application/json",
  "x-content-type-options": "nosniff",
});

/** Stands for outputs that were kept for the other parts of their request. */
const KEPT: Answer = { kind: "outputs", headers: {}, body: "" };

/** A body of the author's own has no place in a table or tensor. */
function printMixed(outputs: OutputSlice): Written {
  return { headers: MIXED_HEADERS, body: outputs.printJson() };
}

function toOutputs({ headers, body }: Written): Answer {
  return { kind: "outputs", headers, body };
}

function toSuccess(value: Answer): Outcome<Answer> {
  return { ok: true, value };
}

function toFailure(error: unknown): Outcome<Answer> {
  return { ok: false, error };
}
