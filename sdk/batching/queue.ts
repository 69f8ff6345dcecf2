import type { Ticket } from "./ticket.js";

/**
 * The jobs that wait, in order of arrival. A list that runs through the tickets themselves: a
 * client that goes leaves from the middle in constant time and frees its place.
 */
export class TicketQueue<Value, Result> {
  first: Ticket<Value, Result> | undefined = undefined;
  last: Ticket<Value, Result> | undefined = undefined;
  requests = 0;
  items = 0;
  bytes = 0;
  private latestDeadline = Number.NEGATIVE_INFINITY;
  // Of all that ever came: a timer that was set for one of them may still be the next to fire.
  private latestExpiry = Number.NEGATIVE_INFINITY;

  /** Answers whether the ticket expires no earlier than all that came before it. */
  push(ticket: Ticket<Value, Result>): boolean {
    if (this.first === undefined) this.latestDeadline = Number.NEGATIVE_INFINITY;
    ticket.hasty = ticket.deadline < this.latestDeadline;
    if (!ticket.hasty) this.latestDeadline = ticket.deadline;
    const inOrder = ticket.expires >= this.latestExpiry;
    if (inOrder) this.latestExpiry = ticket.expires;
    ticket.previous = this.last;
    if (this.last === undefined) this.first = ticket;
    else this.last.next = ticket;
    this.last = ticket;
    this.requests++;
    this.items += ticket.items;
    this.bytes += ticket.bytes;
    return inOrder;
  }

  has(ticket: Ticket<Value, Result>): boolean {
    return ticket.previous !== undefined || this.first === ticket;
  }

  remove(ticket: Ticket<Value, Result>): void {
    if (ticket.previous === undefined) this.first = ticket.next;
    else ticket.previous.next = ticket.next;
    if (ticket.next === undefined) this.last = ticket.previous;
    else ticket.next.previous = ticket.previous;
    // A removed ticket that still points into the list would keep all later ones from the
    // collector of young objects.
    ticket.previous = undefined;
    ticket.next = undefined;
    this.requests--;
    this.items -= ticket.items;
    this.bytes -= ticket.bytes;
    ticket.cancelTimer?.();
    ticket.cancelTimer = undefined;
  }
}
