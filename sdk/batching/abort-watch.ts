import type { Cancellable } from "../core/cancellation.js";
import type { Ticket } from "./ticket.js";

/**
 * Tells of tickets whose signal aborts. One listener a signal, however many tickets share it:
 * Node warns of a leak at eleven listeners on one signal.
 */
export class AbortWatch<Value, Result> {
  /** Hardly any signal has more than one. */
  private readonly watched = new Map<
    Cancellable,
    Ticket<Value, Result> | Set<Ticket<Value, Result>>
  >();

  /** `aborted` answers the ticket and has it removed here. */
  constructor(private readonly aborted: (ticket: Ticket<Value, Result>) => void) {}

  add(ticket: Ticket<Value, Result>): void {
    if (ticket.watched || ticket.answered) return;
    ticket.watched = true;
    const { signal } = ticket.job;
    if (signal === undefined) return;
    // A signal that has aborted will not say so again.
    if (signal.aborted) {
      this.aborted(ticket);
      return;
    }
    const known = this.watched.get(signal);
    if (known === undefined) {
      this.watched.set(signal, ticket);
      signal.addEventListener("abort", this.onAbort);
    } else if (known instanceof Set) {
      known.add(ticket);
    } else {
      this.watched.set(signal, new Set([known, ticket]));
    }
  }

  remove(ticket: Ticket<Value, Result>): void {
    const { signal } = ticket.job;
    if (!ticket.watched || signal === undefined) return;
    const known = this.watched.get(signal);
    if (known instanceof Set) {
      if (!known.delete(ticket) || known.size > 0) return;
    } else if (known !== ticket) {
      return;
    }
    this.watched.delete(signal);
    signal.removeEventListener("abort", this.onAbort);
  }

  private readonly onAbort = (event: { readonly target: unknown }): void => {
    const known = this.watched.get(event.target as Cancellable);
    if (known === undefined) return;
    for (const ticket of known instanceof Set ? known : [known]) this.aborted(ticket);
  };
}
