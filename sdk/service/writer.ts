import type { OutputBody } from "../outputs/output.js";
import type { ApiDefinition } from "./definition.js";
import type { AnswerWriter, Written } from "./runtime.js";

/** Writes the outputs of an API in one of the media types of its output, by default the first. */
export function createWriter(
  { method, input, output }: Pick<ApiDefinition, "method" | "input" | "output">,
  mediaType = output.mediaTypes(input.cardinality)[0]!,
): AnswerWriter {
  const format = { mediaType, cardinality: input.cardinality };
  // One object for all answers of an API, so that a request pays for no more than their bytes. What
  // was posted is stored by no cache as it is (RFC 9110, 9.3.3); the answer to a GET could be.
  const plain: Readonly<Record<string, string>> = Object.freeze({
    "content-type": toContentType(mediaType),
    "x-content-type-options": "nosniff",
    ...(method === "GET" ? { "cache-control": "no-store" } : {}),
  });
  return {
    mediaType,
    write(outputs): Written | Promise<Written> {
      const toWritten = (body: OutputBody): Written => ({
        headers:
          output.headers === undefined ? plain : { ...plain, ...output.headers(outputs, format) },
        body,
      });
      const body = output.write(outputs, format);
      return body instanceof Promise ? body.then(toWritten) : toWritten(body);
    },
  };
}

/** Text is sent in UTF-8, and says so. */
export function toContentType(mediaType: string): string {
  return mediaType.startsWith("text/") ? `${mediaType}; charset=utf-8` : mediaType;
}
