/** The bytes of base64 or base64url text, `undefined` when it is not that. */
export function fromBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/={1,2}$/, "").length;
  if (digits % 4 === 1) return undefined;
  const bytes = Buffer.from(text, "base64");
  // Node skips what is no digit, which leaves fewer bytes.
  return bytes.length === Math.floor((digits * 3) / 4) ? bytes : undefined;
}
