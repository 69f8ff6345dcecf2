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

  push(ticket: Ticket<Value, Result>): void {
    ticket.previous = this.last;
    if (this.last === undefined) this.first = ticket;
    else this.last.next = ticket;
    this.last = ticket;
    this.requests++;
    this.items += ticket.items;
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
  }
}
