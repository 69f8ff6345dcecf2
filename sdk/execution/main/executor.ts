import type { Clock } from "../../core/clock.js";
import { EkibenError } from "../../core/errors.js";
import { UnderWay } from "../../core/under-way.js";
import type { Engine, ExecutionState, Executor, ExecutorRequest } from "../../models/engine.js";
import type { Log } from "../../observability/log.js";
import { createCost, HEAVY_MS } from "./cost.js";
import { readThreadCpu } from "./thread-cpu.js";
import type { Pool } from "./pool.js";

export interface ExecutorOptions {
  log: Log;
  clock: Clock;
  bundle: string | undefined;
}

/** Opens an engine where its model is to compute. */
export async function createExecutor<Source, Facts, Job, Answer>(
  request: ExecutorRequest<Source, Facts, Job, Answer>,
  options: ExecutorOptions,
): Promise<Executor<Facts, Job, Answer>> {
  const { execution = "auto", bytes, largeBytes } = request;
  if (execution === "worker") {
    return openApart(request, options, 'It was asked for with execution: "worker".');
  }
  if (execution === "auto" && bytes >= largeBytes && request.engine.shares === true) {
    const reader = await startPool({ ...request, workers: 1 }, options, request.source);
    await reader.close();
    return new LocalExecutor(request, options, await request.engine.open(reader.source as Source));
  }
  if (execution === "auto" && bytes >= largeBytes) {
    const size = Math.round(bytes / 2 ** 20);
    return openApart(request, options, `Its files have ${size} MB, which would block the loop.`);
  }
  return new LocalExecutor(request, options, await request.engine.open(request.source));
}

type AnyRequest<Source, Facts, Job, Answer> = ExecutorRequest<Source, Facts, Job, Answer>;

async function startPool<Source, Facts, Job, Answer>(
  { model, engine, workers = 1 }: AnyRequest<Source, Facts, Job, Answer>,
  options: ExecutorOptions,
  source: unknown,
): Promise<Pool> {
  // Threads are for services that have heavy models.
  const { openPool } = await import("./pool.js");
  return openPool({ ...options, model, engine: engine.name, source, threads: workers });
}

async function openApart<Source, Facts, Job, Answer>(
  request: AnyRequest<Source, Facts, Job, Answer>,
  options: ExecutorOptions,
  reason: string,
): Promise<Executor<Facts, Job, Answer>> {
  const pool = await startPool(request, options, request.source);
  options.log.info(`the model ${request.model} computes in a worker thread`, { reason });
  return {
    facts: pool.facts as Facts,
    isApart: true,
    run: (job, { owned = false } = {}) => pool.run(job, owned) as Promise<Answer>,
    note() {},
    state: () => toState(pool, reason),
    release: () => pool.close(),
  };
}

function toState({ working, fault }: Pool, reason: string): ExecutionState {
  return {
    place: "worker",
    workers: working,
    reason,
    ...(working === 0 && { fault: fault ?? "Its worker ended and is being replaced." }),
  };
}

/**
 * An engine on the loop that moves to a worker when it turns out to be heavy. It moves once and never
 * back: a model that was heavy under load is light without, and would move for ever; what it costs
 * to stay in a worker is some 20 us a run.
 */
class LocalExecutor<Source, Facts, Job, Answer> implements Executor<Facts, Job, Answer> {
  readonly facts: Facts;
  readonly #request: AnyRequest<Source, Facts, Job, Answer>;
  readonly #options: ExecutorOptions;
  readonly #cost = createCost();
  readonly #runs = new UnderWay();
  #engine: Engine<Source, Facts, Job, Answer> | undefined;
  #pool: Pool | undefined;
  /** Set from the moment when a move is decided. */
  #moving: Promise<void> | undefined;
  /** Set while jobs wait for the last ones on the loop, so that none overtakes another. */
  #gate: Promise<void> | undefined;
  #reason: string;
  #released: Promise<void> | undefined;

  constructor(
    request: AnyRequest<Source, Facts, Job, Answer>,
    options: ExecutorOptions,
    engine: Engine<Source, Facts, Job, Answer>,
  ) {
    this.facts = engine.facts;
    this.#request = request;
    this.#options = options;
    this.#engine = engine;
    this.#reason =
      request.execution === "loop"
        ? 'It was asked for with execution: "loop".'
        : `Its runs take less than ${HEAVY_MS} ms.`;
  }

  get isApart(): boolean {
    return this.#pool !== undefined || this.#gate !== undefined;
  }

  async run(job: Job, { owned = false }: { owned?: boolean } = {}): Promise<Answer> {
    while (this.#gate !== undefined) await this.#gate;
    if (this.#pool !== undefined) return this.#pool.run(job, owned) as Promise<Answer>;
    if (this.#request.execution === "loop") return this.#engine!.run(job);
    return this.#runHere(job);
  }

  async #runHere(job: Job): Promise<Answer> {
    let stop = this.#startClock();
    // onnxruntime computes in the immediate after this one, and what came before is not its time.
    const mark = setImmediate(() => (stop = this.#startClock()));
    let answer: Answer | Promise<Answer>;
    this.#runs.begin();
    try {
      answer = this.#engine!.run(job);
      if (answer instanceof Promise) answer = await answer;
    } finally {
      this.#runs.end();
      clearImmediate(mark);
    }
    this.note(stop());
    return answer;
  }

  /** Answers the milliseconds since now: those of the processor where others may have had it. */
  #startClock(): () => number {
    const began = performance.now();
    const before = this.#cost.isDoubtful ? readThreadCpu() : undefined;
    return () => {
      const ms = performance.now() - began;
      if (before === undefined) return ms;
      return Math.min(ms, readThreadCpu() - before);
    };
  }

  note(ms: number): void {
    if (this.#moving !== undefined || this.#request.execution === "loop") return;
    const reason = this.#cost.note(ms);
    if (reason !== undefined) this.#moving = this.#move(reason);
  }

  async #move(reason: string): Promise<void> {
    const { model } = this.#request;
    const { log } = this.#options;
    const engine = this.#engine!;
    let pool: Pool | undefined;
    this.#reason = `It moves to a worker: ${reason}`;
    try {
      pool = await startPool(this.#request, this.#options, engine.source ?? this.#request.source);
      // What is opened from shared memory cannot be another, and would be long to compare.
      if (
        engine.source === undefined &&
        JSON.stringify(pool.facts) !== JSON.stringify(engine.facts)
      ) {
        throw new EkibenError("MODEL_RUN_FAILED", {
          detail: `The model ${JSON.stringify(model)} opens in a worker as another than on the loop.`,
        });
      }
    } catch (error) {
      await pool?.close();
      this.#reason = `It should compute in a worker (${reason.replace(/\.$/, "")}), and none could be started.`;
      log.warn(`the model ${model} stays on the loop`, { reason, error });
      return;
    }
    let open!: () => void;
    this.#gate = new Promise((resolve) => (open = resolve));
    await this.#runs.ended();
    this.#pool = pool;
    this.#reason = reason;
    this.#engine = undefined;
    this.#gate = undefined;
    open();
    log.info(`the model ${model} moved to a worker thread`, { reason });
    await engine.release();
  }

  state(): ExecutionState {
    if (this.#pool !== undefined) return toState(this.#pool, this.#reason);
    return { place: "loop", workers: 0, reason: this.#reason };
  }

  release(): Promise<void> {
    this.#released ??= (async () => {
      await this.#moving;
      await this.#pool?.close();
      await this.#engine?.release();
    })();
    return this.#released;
  }
}
