import type { JsonSchema } from "../core/json-schema.js";
import { printJson } from "../outputs/print-json.js";
import type { OutputSlice } from "../outputs/output.js";
import type { ApiDefinition } from "../service/definition.js";
import { embedSchema, type AddSchema } from "./openapi-schema.js";
import { isText } from "./openapi-request.js";

/** An answer that was recorded, as far as it can be shown: a JSON value, or text. */
export interface RecordedAnswer {
  readonly mediaType: string;
  readonly value: unknown;
}

/** The answers that show what an API answers its example with, by the name of the API. */
export type RecordedAnswers = Readonly<Record<string, readonly RecordedAnswer[]>>;

type AnswerContent = Record<string, { schema: JsonSchema; example?: unknown }>;

/** The body of an answer by media type, each with a recorded answer where there is one. */
export function toAnswerContent(
  api: ApiDefinition,
  add: AddSchema,
  answers: readonly RecordedAnswer[],
): AnswerContent {
  const content = Object.entries(api.output.content(api.input.cardinality));
  return Object.fromEntries(
    content.map(([mediaType, { schema }], index) => {
      const prefix = index === 0 ? `${api.name}_output` : `${api.name}_output_${index + 1}`;
      const example = isText(mediaType) ? findAnswer(api, mediaType, answers) : undefined;
      const embedded = embedSchema(schema, prefix, add);
      return [mediaType, { schema: embedded, ...(example === undefined ? {} : { example }) }];
    }),
  );
}

/** The recorded answer of a media type, or another one written in it. */
function findAnswer(
  api: ApiDefinition,
  mediaType: string,
  answers: readonly RecordedAnswer[],
): unknown {
  const same = answers.find((answer) => answer.mediaType === mediaType);
  if (same !== undefined) return same.value;
  const json = answers.find((answer) => answer.mediaType === "application/json");
  if (json === undefined || api.output.streams || mediaType === "application/json")
    return undefined;
  try {
    return writeAnswer(api, mediaType, json.value);
  } catch {
    // JSON has no word for some values of other formats, so an answer may not be one there.
    return undefined;
  }
}

function writeAnswer({ input, output }: ApiDefinition, mediaType: string, json: unknown): unknown {
  const { cardinality } = input;
  const results = output.read(Buffer.from(JSON.stringify(json)), {
    mediaType: "application/json",
    cardinality,
    header: () => null,
  });
  if (results instanceof Promise) return undefined;
  const outputs = cardinality === "one" ? [results] : (results as unknown[]);
  const slice: OutputSlice = {
    count: outputs.length,
    values: () => outputs,
    printJson: () => printJson(outputs),
  };
  const written = output.write(slice, { mediaType, cardinality });
  return typeof written === "string" ? written : undefined;
}
