import type { Payload } from "../inputs/input.js";
import type { ApiDefinition } from "./definition.js";

/** The example of an API as a parsed request, read as a client's would be. */
export function toExamplePayload(api: ApiDefinition): Payload | undefined {
  if (api.example === undefined) return undefined;
  const { bytes, mediaType } = api.input.encode(api.example);
  return api.input.parse({ bytes, mediaType, parameters: {} });
}
