import { EkibenError, type ErrorCode, type Issue } from "../core/errors.js";

/** Where a fault lies and what was meant. */
export interface FaultFacts {
  /** The place in nested lists, such as `[2][0]`, or `[17]` for element 17 of a flat list. */
  path?: string;
  expected?: string;
  received?: string;
  hint?: string;
}

/**
 * Why something is no tensor. The reading and writing of tensors does not know whether a client, an
 * author or a model is at fault: who calls it makes an error of the catalogue with `toTensorError`.
 */
export class TensorFault extends Error {
  readonly facts: FaultFacts;

  /** `message` goes on after a subject and a colon, and has no full stop. */
  constructor(message: string, facts: FaultFacts = {}) {
    super(message);
    this.name = "TensorFault";
    this.facts = facts;
  }
}

/**
 * The error of the catalogue for a fault; `subject` begins its sentence, such as `The body is not
 * valid`. What is no fault is answered as it is, so that it can be thrown on.
 */
export function toTensorError(code: ErrorCode, subject: string, fault: unknown): unknown {
  if (!(fault instanceof TensorFault)) return fault;
  const { path, expected, received, hint } = fault.facts;
  const issue: Issue = {
    message: fault.message,
    ...(path !== undefined && { path }),
    ...(expected !== undefined && { expected }),
    ...(received !== undefined && { received }),
  };
  return new EkibenError(code, {
    detail: `${subject}: ${fault.message}.`,
    ...(hint !== undefined && { hint }),
    ...(expected !== undefined && { expected }),
    ...(received !== undefined && { received }),
    issues: [issue],
  });
}
