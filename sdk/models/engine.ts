/** Where models compute: on the thread that answers requests, or on one of their own. */
export type ExecutionPlace = "loop" | "worker";

/** What an author may ask for. */
export type ExecutionMode = "auto" | ExecutionPlace;

/** Where a model is to compute. The same words for every kind. */
export interface ExecutionOptions {
  /**
   * `"loop"`: on the thread that answers requests. `"worker"`: on a thread of its own. `"auto"`: on
   * the loop while its runs are short; in a worker where the file is large or runs take milliseconds.
   * @default "auto"
   */
  execution?: ExecutionMode;
  /** Threads where it computes in workers, each with the memory of one more model. @default 1 */
  workers?: number;
}

/** Where a model computes now, and why. It changes while a service runs. */
export interface ExecutionState {
  readonly place: ExecutionPlace;
  /** Threads of its own that can compute now. */
  readonly workers: number;
  /** One sentence. */
  readonly reason: string;
  /** Why nothing can compute at this moment. */
  readonly fault?: string;
}

/**
 * The part of a model that computes, without all that binds columns and checks: it takes and gives
 * plain data, so that it can live in another thread.
 */
export interface Engine<Source, Facts, Job, Answer> {
  /** What is known once it is open. */
  readonly facts: Facts;
  /** What another thread opens the same engine from; left out where that is what this one was opened from. */
  readonly source?: Source;
  /** An answer that is no promise was computed at once. */
  run(job: Job): Answer | Promise<Answer>;
  release(): unknown;
}

/** Engines of one kind. Source, facts, jobs and answers survive a structured clone. */
export interface EngineKind<Source, Facts, Job, Answer> {
  /** How a worker thread finds it: a name of `engines.ts`. */
  readonly name: string;
  /**
   * Whether engines give a `source` with their weights in shared memory. A large file is then read in
   * a worker, and what came of it runs on the loop while its runs are short.
   */
  readonly shares?: boolean;
  open(source: Source): Promise<Engine<Source, Facts, Job, Answer>>;
}

/** An engine, wherever it runs. */
export interface Executor<Facts, Job, Answer> {
  readonly facts: Facts;
  /**
   * Runs a job. Answers come as those of the engine would, and jobs begin in the order of the calls.
   * Buffers of the job are copied on their way to another thread unless it is `owned`.
   * @throws what the engine throws; MODEL_RUN_FAILED when its thread ended
   */
  run(job: Job, options?: { owned?: boolean }): Promise<Answer>;
  /** Whether jobs go to other threads now. */
  readonly isApart: boolean;
  /** Takes the time of work that was done here without `run`, in milliseconds. */
  note(ms: number): void;
  state(): ExecutionState;
  /** Ends it once the jobs that have begun are done. */
  release(): Promise<void>;
}

/** What is opened, and where it may run. */
export interface ExecutorRequest<Source, Facts, Job, Answer> extends ExecutionOptions {
  /** The name of the model in its service. */
  model: string;
  engine: EngineKind<Source, Facts, Job, Answer>;
  source: Source;
  /** The size of its files. */
  bytes: number;
  /** Files from this size on are opened in a worker from the start, where that is left to us. */
  largeBytes: number;
}

/** Opens engines in threads; whoever loads models for a server passes one. */
export interface Executors {
  /** The folder of the bundle that is served, whose code a worker may load once more. */
  readonly bundle?: string;
  open<Source, Facts, Job, Answer>(
    request: ExecutorRequest<Source, Facts, Job, Answer>,
  ): Promise<Executor<Facts, Job, Answer>>;
  /** Tells, where the service logs, that a model stays on the loop although a worker was asked for. */
  stay(model: string, reason: string): void;
}

/** Opens an engine where `executors` say, and without them on this thread. */
export async function openExecutor<Source, Facts, Job, Answer>(
  executors: Executors | undefined,
  request: ExecutorRequest<Source, Facts, Job, Answer>,
): Promise<Executor<Facts, Job, Answer>> {
  if (executors !== undefined) return executors.open(request);
  const engine = await request.engine.open(request.source);
  return {
    facts: engine.facts,
    isApart: false,
    run: async (job) => engine.run(job),
    note() {},
    state: () => ({ place: "loop", workers: 0, reason: "No threads are used here." }),
    release: async () => void (await engine.release()),
  };
}
