import { EkibenError } from "../core/errors.js";

export function tooLarge(maxBytes: number, received?: number): EkibenError {
  return new EkibenError("BODY_TOO_LARGE", {
    detail: `The body has more than the ${maxBytes} bytes that are accepted here.`,
    hint: "Send fewer items in a request, or raise `maxBodyBytes` of the API.",
    expected: maxBytes,
    ...(received === undefined ? {} : { received }),
  });
}

export function clientClosed(cause?: unknown): EkibenError {
  return new EkibenError("CLIENT_CLOSED", {
    detail: "The client closed the request before its body was complete.",
    cause,
  });
}
