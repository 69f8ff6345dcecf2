import { refuseCall } from "./client-error.js";

/** The bytes of base64 or base64url text. @throws CALL_INVALID when it is neither */
export function fromBase64(text: string): Uint8Array {
  try {
    const digits = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(digits, (digit) => digit.charCodeAt(0));
  } catch {
    throw refuseCall("The file is not valid: b64 is not base64.");
  }
}
