import type { InputHints } from "../inputs/input.js";
import type { OutputHints } from "../outputs/output.js";

/** What a client has to know of a service, as `/metadata` answers it. */
export interface ServiceContract {
  readonly service: string;
  readonly version?: string;
  readonly apis: readonly ApiContract[];
}

export interface ApiContract {
  readonly name: string;
  readonly method: string;
  /** With a leading slash; a segment `:name` is a parameter. */
  readonly path: string;
  readonly input: InputContract;
  readonly output: OutputContract;
  readonly limits?: ApiLimits;
}

export interface ApiLimits {
  /** Milliseconds after which the service answers 504. */
  readonly timeoutMs?: number;
  /** The most items that a handler gets at once; a request with more is handled in parts. */
  readonly maxBatchSize?: number;
}

export interface InputContract extends InputHints {
  readonly kind: string;
  /** Whether a request is one item or a list of them. */
  readonly items: "one" | "many";
  readonly mediaTypes: readonly string[];
}

export interface OutputContract extends OutputHints {
  readonly kind: string;
  readonly streams: boolean;
  /** The first one is what a request gets that does not ask for another. */
  readonly mediaTypes: readonly string[];
}
