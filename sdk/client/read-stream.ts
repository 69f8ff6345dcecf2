import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { Problem } from "../core/errors.js";
import { ClientError } from "./client-error.js";
import { parseJson } from "./read-answer.js";
import { fromProblem, isProblem } from "./read-problem.js";

type Facts = { status: number; requestId: string };

/** What a piece of a stream says. */
type Event = { value: unknown } | { problem: Problem } | "end";

/** Takes the text of a stream as it comes, and finds in it what is complete. */
interface EventReader {
  /** One by one, so that what comes before a broken one is still given. */
  feed(text: string): Iterable<Event>;
  /** Whether the body may end here. */
  isComplete(): boolean;
}

/**
 * The values of a stream as they come.
 * @throws the error that the service ended it with; CONNECTION_LOST when it ended before its end.
 */
export async function* readStream(
  response: Response,
  mediaType: string,
  facts: Facts,
): AsyncGenerator<unknown, void, undefined> {
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  const events =
    mediaType === "text/event-stream" ? createEventReader(facts) : createLineReader(facts);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done && events.isComplete()) return;
      if (done) throw lost(facts);
      for (const event of events.feed(decoder.decode(value, { stream: true }))) {
        if (event === "end") return;
        if ("problem" in event) throw fromProblem(event.problem, { requestId: facts.requestId });
        yield event.value;
      }
    }
  } finally {
    // A body that has ended or broken has nothing left to cancel.
    reader.cancel().catch(() => {});
  }
}

/** Server-sent events: each message is a value, `error` and `end` are the last ones. */
function createEventReader(facts: Facts): EventReader {
  const found: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => found.push(event) });
  return {
    *feed(text) {
      parser.feed(text);
      for (const { event = "message", data } of found.splice(0)) {
        if (event === "message") yield { value: parseJson(data, facts) };
        else if (event === "end") yield "end";
        else if (event === "error") yield { problem: parseJson(data, facts) as Problem };
      }
    },
    isComplete: () => false,
  };
}

/** A value a line; only what breaks a stream is an object with nothing but a problem. */
function createLineReader(facts: Facts): EventReader {
  let rest = "";
  return {
    *feed(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        if (line.trim() === "") continue;
        const value = parseJson(line, facts);
        const { error, ...others } = (value ?? {}) as { error?: unknown };
        const isBreak = isProblem(error) && Object.keys(others).length === 0;
        yield isBreak ? { problem: error } : { value };
      }
    },
    // That a body was cut between lines is an error of the connection.
    isComplete: () => rest === "",
  };
}

function lost({ status, requestId }: Facts): ClientError {
  return new ClientError("CONNECTION_LOST", {
    status,
    requestId,
    detail: "The stream ended before its end.",
  });
}
