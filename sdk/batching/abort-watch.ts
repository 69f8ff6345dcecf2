import { Cancellation, type Cancellable } from "../core/cancellation.js";
import type { Ticket } from "./ticket.js";

/**
 * Tells of tickets whose signal aborts. A ticket listens to the cancellation of its request itself;
 * an `AbortSignal` gets one listener, however many tickets share it: Node warns of a leak at eleven.
 *
 * What requests come and go by must not be a `Map`: one that grows and empties all the time replaces
 * its table, each of which still points to the next when it is old, and with it every request that
 * was ever in one is kept from the collector of young objects.
 */
export class AbortWatch<Value, Result> {
  private readonly shared = new Map<Cancellable, Set<Ticket<Value, Result>>>();

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
    if (signal instanceof Cancellation) {
      ticket.onAbort = this.aborted;
      signal.addEventListener("abort", ticket);
      return;
    }
    const known = this.shared.get(signal);
    if (known !== undefined) {
      known.add(ticket);
      return;
    }
    this.shared.set(signal, new Set([ticket]));
    signal.addEventListener("abort", this.onShared);
  }

  remove(ticket: Ticket<Value, Result>): void {
    const { signal } = ticket.job;
    if (!ticket.watched || signal === undefined) return;
    if (signal instanceof Cancellation) {
      signal.removeEventListener("abort", ticket);
      return;
    }
    const known = this.shared.get(signal);
    if (known?.delete(ticket) !== true || known.size > 0) return;
    this.shared.delete(signal);
    signal.removeEventListener("abort", this.onShared);
  }

  private readonly onShared = (event: { readonly target: unknown }): void => {
    const known = this.shared.get(event.target as Cancellable);
    for (const ticket of known ?? []) this.aborted(ticket);
  };
}
