import type { Cancellable } from "../core/cancellation.js";
import type { Ticket } from "./ticket.js";

/**
 * Tells of tickets whose signal aborts. One listener a signal, however many tickets share it:
 * Node warns of a leak at eleven listeners on one signal.
 */
export class AbortWatch<Value, Result> {
  private readonly watched = new Map<Cancellable, Set<Ticket<Value, Result>>>();

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
    const tickets = this.watched.get(signal);
    if (tickets === undefined) {
      this.watched.set(signal, new Set([ticket]));
      signal.addEventListener("abort", this.onAbort);
    } else {
      tickets.add(ticket);
    }
  }

  remove(ticket: Ticket<Value, Result>): void {
    const { signal } = ticket.job;
    if (!ticket.watched || signal === undefined) return;
    const tickets = this.watched.get(signal);
    if (tickets === undefined || !tickets.delete(ticket)) return;
    if (tickets.size > 0) return;
    this.watched.delete(signal);
    signal.removeEventListener("abort", this.onAbort);
  }

  private readonly onAbort = (event: { readonly target: unknown }): void => {
    const tickets = this.watched.get(event.target as Cancellable);
    for (const ticket of tickets ?? []) this.aborted(ticket);
  };
}
