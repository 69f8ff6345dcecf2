import { setTimeout as sleep } from "node:timers/promises";
import { Finding } from "./ask.js";
import { Connection } from "./connection.js";
import { toDraft } from "./make-request.js";
import { writePlain } from "./write-request.js";

/**
 * Clients that are slow, end half of their connection or leave in the middle. Each takes a bounded
 * time; @throws Finding
 * @type {Record<string, (connection: Connection, request: any, choice: any) => Promise<void>>}
 */
const CLIENTS = {
  async "a body that trickles in"(connection, request) {
    const { bytes } = request;
    const step = Math.ceil(bytes.length / 40);
    connection.methods.push(request.method);
    for (let at = 0; at < bytes.length; at += step) {
      connection.socket.write(bytes.subarray(at, at + step));
      await sleep(5);
    }
    await expectAnswer(connection, request);
  },
  async "an end behind the request"(connection, request) {
    connection.write(request.bytes, request.method);
    connection.socket.end();
    // To Node a client that has ended its side is gone: it may be answered, and is not kept.
    const answer = await connection.next(5000);
    if (answer !== undefined && !request.holds(answer)) {
      throw new Finding("The answer is another one.", request, answer);
    }
    if (answer === undefined && !connection.closed) {
      throw new Finding("The connection stays open when its client has ended.", request);
    }
  },
  async "gone in the middle of the body"(connection, request, choice) {
    const part = request.bytes.subarray(0, choice.below(request.bytes.length));
    connection.socket.write(part);
    await sleep(choice.below(10));
  },
  async "gone while it is answered"(connection, request, choice) {
    connection.write(request.bytes, request.method);
    await sleep(choice.below(4));
  },
  async "a large file, given up"(connection, _request, choice) {
    const head = "POST /v1/file HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n";
    connection.socket.write(head);
    connection.socket.write(Buffer.alloc(choice.below(800_000), "x"));
    await sleep(choice.below(30));
  },
  async "nothing is sent"(connection) {
    await sleep(100);
    if (connection.closed) throw new Finding("A silent connection was closed at once.");
  },
  async "many at once on one connection"(connection, request) {
    const times = 20;
    for (let at = 0; at < times; at++) connection.methods.push(request.method);
    connection.socket.write(Buffer.concat(Array(times).fill(request.bytes)));
    for (let at = 0; at < times; at++) await expectAnswer(connection, request);
  },
};

export const CLIENT_KINDS = Object.keys(CLIENTS);

async function expectAnswer(connection, request) {
  const answer = await connection.next(20_000);
  if (answer === undefined) throw new Finding("There was no answer.", request);
  if (!request.holds(answer)) throw new Finding("The answer is another one.", request, answer);
}

/** @param {readonly import("./seeds.js").Seed[]} seeds */
export async function beRough(serving, seeds, choice) {
  const kind = choice.of(CLIENT_KINDS);
  const seed = choice.of(seeds.filter((one) => one.kind !== "other"));
  const id = 500_000 + choice.below(400_000);
  const draft = toDraft(seed, seed.make(id));
  const request = {
    kind: "rough",
    seed: `${kind}: ${seed.name} ${seed.path}`,
    changes: [kind],
    method: draft.method,
    path: draft.target,
    framed: true,
    bytes: writePlain(draft),
    holds: (answer) => seed.holds(answer, id),
  };
  const connection = new Connection(serving.port);
  try {
    await CLIENTS[kind](connection, request, choice);
  } finally {
    connection.destroy();
  }
}
