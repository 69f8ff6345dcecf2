import { randomInt, randomUUID } from "node:crypto";

/** What an id may be, so that it is safe to print and to send back. */
export const REQUEST_ID_PATTERN = "^[A-Za-z0-9._:-]{1,128}$";
const ACCEPTED = new RegExp(REQUEST_ID_PATTERN);

// A UUID in form. Its random part is drawn once a process and its last group counts, which is as
// unique and costs a tenth of drawing each.
const PREFIX = randomUUID().slice(0, 24);
const LAST_DIGITS = Array.from({ length: 0x1000 }, (_, n) => n.toString(16).padStart(3, "0"));
let next = randomInt(2 ** 32);
let begin = "";

function createRequestId(): string {
  const last = next % 0x1000;
  if (last === 0 || begin === "") {
    begin =
      PREFIX +
      Math.floor(next / 0x1000)
        .toString(16)
        .padStart(9, "0");
  }
  next++;
  return begin + LAST_DIGITS[last]!;
}

export function isRequestId(sent: unknown): sent is string {
  return typeof sent === "string" && ACCEPTED.test(sent);
}

/** What the client calls its request, if that is safe to print and to send back; else a new id. */
export function toRequestId(sent: string | undefined): string {
  return sent !== undefined && ACCEPTED.test(sent) ? sent : createRequestId();
}
