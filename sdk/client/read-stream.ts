import { createParser } from "eventsource-parser";
import type { Problem } from "../core/errors.js";
import { ClientError } from "./client-error.js";
import { parseJson } from "./read-answer.js";
import { fromProblem, isProblem } from "./read-problem.js";

type Facts = { status: number; requestId: string };

/** What a piece of a stream says. */
type Event = { value: unknown } | { problem: Problem } | "end";

/** Takes the text of a stream as it comes, and finds in it what is complete. */
interface EventReader {
  feed(text: string): Event[];
  /** What the end of the body means. */
  finish(): Event[];
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
      const found = done ? events.finish() : events.feed(decoder.decode(value, { stream: true }));
      for (const event of found) {
        if (event === "end") return;
        if ("problem" in event) throw fromProblem(event.problem, { requestId: facts.requestId });
        yield event.value;
      }
      if (done) throw lost(facts);
    }
  } finally {
    // A body that has ended or broken has nothing left to cancel.
    reader.cancel().catch(() => {});
  }
}

/** Server-sent events: each message is a value, `error` and `end` are the last ones. */
function createEventReader(facts: Facts): EventReader {
  let found: Event[] = [];
  const parser = createParser({
    onEvent({ event = "message", data }) {
      if (event === "message") found.push({ value: parseJson(data, facts) });
      else if (event === "end") found.push("end");
      else if (event === "error") found.push({ problem: parseJson(data, facts) as Problem });
    },
  });
  return {
    feed(text) {
      found = [];
      parser.feed(text);
      return found;
    },
    finish: () => [],
  };
}

/** A value a line; only what breaks a stream is an object with nothing but a problem. */
function createLineReader(facts: Facts): EventReader {
  let rest = "";
  const read = (line: string): Event[] => {
    if (line.trim() === "") return [];
    const value = parseJson(line, facts);
    const { error, ...others } = (value ?? {}) as { error?: unknown };
    return isProblem(error) && Object.keys(others).length === 0
      ? [{ problem: error }]
      : [{ value }];
  };
  return {
    feed(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      return lines.flatMap(read);
    },
    // The end of a body that was cut is an error of the connection, which `read` throws.
    finish: () => (rest === "" ? ["end"] : []),
  };
}

function lost({ status, requestId }: Facts): ClientError {
  return new ClientError("CONNECTION_LOST", {
    status,
    requestId,
    detail: "The stream ended before its end.",
  });
}
