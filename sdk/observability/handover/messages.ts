import type { Rotation } from "../lines/file-target.js";
import type { LogStream } from "../lines/line-sink.js";
import type { Retention } from "../lines/rotated-files.js";

/** What the lines of a thread are printed by. */
export interface PrintPlan {
  readonly service: string;
  readonly version: string | undefined;
  /** Names of values that are not written. */
  readonly redact: readonly string[];
  /** Headers that predictions keep, in lower case. */
  readonly headers: readonly string[];
  readonly maxRecordBytes: number;
}

/** Where a thread writes; nobody else writes there. */
export type ThreadTarget =
  | {
      readonly kind: "files";
      readonly directory: string;
      readonly rotation: Rotation;
      readonly retention: Retention;
      /** Of each stream. */
      readonly maxBufferBytes: number;
    }
  | {
      /** The pipe to the process that writes. */
      readonly kind: "pipe";
      readonly fd: number;
      readonly maxBufferBytes: number;
    };

/** What a thread is started with. */
export interface ThreadData {
  readonly print: PrintPlan;
  readonly target: ThreadTarget;
  readonly counts: SharedArrayBuffer;
  /** Whether it takes the place of one that ended, maybe in the middle of a line. */
  readonly isReplacement: boolean;
}

export type ToThread =
  /** A block with records to be read. */
  | { readonly kind: "block"; readonly memory: SharedArrayBuffer }
  /** Asks for an answer when all before it is written, or cannot be for now. */
  | { readonly kind: "flush"; readonly id: number }
  /** Writes what can be written, and ends. */
  | { readonly kind: "close" };

export type FromThread =
  | { readonly kind: "flushed"; readonly id: number }
  | { readonly kind: "closed" }
  /** Lines of a stream cannot be written, or can again. */
  | { readonly kind: "trouble"; readonly stream: LogStream; readonly error: Error | undefined }
  /** A file could not be tidied up. */
  | { readonly kind: "fault"; readonly stream: LogStream; readonly error: unknown }
  /** A record could not be printed; its line is counted as lost. */
  | { readonly kind: "unprinted"; readonly requestId: string; readonly error: Error };
