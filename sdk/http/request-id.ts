import { randomUUID } from "node:crypto";

const ACCEPTED = /^[A-Za-z0-9._:-]{1,128}$/;

/** What the client calls its request, if that is safe to print and to send back; else a new id. */
export function toRequestId(sent: string | undefined): string {
  return sent !== undefined && ACCEPTED.test(sent) ? sent : randomUUID();
}
