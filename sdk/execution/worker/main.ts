/** The program of a worker thread: opens one engine and runs its jobs, one after the other. */
import { parentPort, workerData } from "node:worker_threads";
import type { Engine } from "../../models/engine.js";
import { begin, end } from "../flags.js";
import { toSentError, type FromThread, type ThreadData, type ToThread } from "../messages.js";
import { toParcel } from "../transfer.js";
import { openEngine } from "./open-engine.js";

type AnyEngine = Engine<unknown, unknown, unknown, unknown>;

const port = parentPort!;
const { flags, bundle } = workerData as ThreadData;
let engine: AnyEngine | undefined;
let last: Promise<void> = Promise.resolve();

// One after the other: a session must not be released while a run of it waits for its turn.
port.on("message", (message: ToThread) => {
  last = last.then(async () => {
    if (!begin(flags)) return;
    await handle(message);
    end(flags);
  });
});
// What ends by an uncaught error is in no engine any more.
process.on("exit", () => end(flags));

async function handle(message: ToThread): Promise<void> {
  try {
    if (message.kind === "open") {
      const { engine: name, source } = message;
      engine = await openEngine(name, source, bundle);
      send({ kind: "opened", facts: engine.facts, source: engine.source });
    } else if (message.kind === "run") {
      const answer = await engine!.run(message.job);
      const parcel = toParcel(answer, true);
      send({ kind: "answered", answer: parcel.data }, parcel.transfer);
    } else {
      await engine?.release();
      port.close();
    }
  } catch (error) {
    send({ kind: "failed", error: toSentError(error) });
    if (message.kind === "close") port.close();
  }
}

function send(message: FromThread, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, transfer as ArrayBuffer[]);
}
