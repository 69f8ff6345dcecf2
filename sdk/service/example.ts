import { toHeaderReader } from "../core/header-reader.js";
import type { EncodedBody, Input, Payload } from "../inputs/input.js";
import { parseMediaType } from "../inputs/media-type.js";
import { createParameterReader } from "../inputs/parameters.js";
import type { ApiDefinition } from "./definition.js";

/** The example of an API as a parsed request, read as a client's would be. */
export function toExamplePayload(api: ApiDefinition): Payload | Promise<Payload> | undefined {
  if (api.example === undefined) return undefined;
  return parseEncoded(api.input, api.input.encode(api.example));
}

/** The parameters that go with the example, read as those of a URL. @throws INPUT_INVALID */
export function readExampleParameters(api: ApiDefinition): { params: unknown; query: unknown } {
  const { params = {}, query = {} } = api.exampleParameters ?? {};
  return {
    params: api.params === undefined ? params : createParameterReader(api.params, "path")(params),
    query: api.query === undefined ? query : createParameterReader(api.query, "query")(query),
  };
}

/** Parses what an input has encoded, as it would arrive. */
export function parseEncoded(input: Input, encoded: EncodedBody): Payload | Promise<Payload> {
  const head = {
    ...parseMediaType(encoded.mediaType),
    headers: toHeaderReader(encoded.headers),
  };
  const { bytes } = encoded;
  return input.parseStream === undefined
    ? input.parse({ ...head, bytes })
    : input.parseStream({ ...head, chunks: once(bytes) });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
