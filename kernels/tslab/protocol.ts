import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";

/** The messages of Jupyter, version 5.3: https://jupyter-client.readthedocs.io/en/stable/messaging.html */
export const PROTOCOL_VERSION = "5.3";

const DELIMITER = Buffer.from("<IDS|MSG>");

/** What a connection file holds: where a kernel listens, and the key that signs its messages. */
export interface ConnectionInfo {
  transport: "tcp";
  ip: string;
  shell_port: number;
  control_port: number;
  iopub_port: number;
  stdin_port: number;
  hb_port: number;
  signature_scheme: "hmac-sha256";
  key: string;
  kernel_name: string;
}

export interface MessageHeader {
  msg_id: string;
  msg_type: string;
  session: string;
  username: string;
  date: string;
  version: string;
}

export interface Message {
  header: MessageHeader;
  parent: Partial<MessageHeader>;
  metadata: Record<string, unknown>;
  content: Record<string, unknown>;
}

export function createRequest(
  type: string,
  content: Record<string, unknown>,
  session: string,
): Message {
  return {
    header: {
      msg_id: randomUUID(),
      msg_type: type,
      session,
      username: "ekiben",
      date: new Date().toISOString(),
      version: PROTOCOL_VERSION,
    },
    parent: {},
    metadata: {},
    content,
  };
}

/** The frames of a message as they go over the wire, signed with `key`. */
export function toFrames(message: Message, key: string): (string | Buffer)[] {
  const parts = [message.header, message.parent, message.metadata, message.content].map((part) =>
    JSON.stringify(part),
  );
  return [DELIMITER, sign(parts, key), ...parts];
}

/** The message in `frames`, or `undefined` when it is not one or its signature does not hold. */
export function fromFrames(frames: readonly Buffer[], key: string): Message | undefined {
  const start = frames.findIndex((frame) => frame.equals(DELIMITER));
  const signature = frames[start + 1];
  const parts = frames.slice(start + 2, start + 6);
  if (start < 0 || signature === undefined || parts.length < 4) return undefined;
  const expected = Buffer.from(sign(parts, key));
  if (expected.length !== signature.length || !timingSafeEqual(expected, signature)) {
    return undefined;
  }
  const [header, parent, metadata, content] = parts.map((part) => JSON.parse(part.toString()));
  return { header, parent, metadata, content } as Message;
}

function sign(parts: readonly (string | Buffer)[], key: string): string {
  // An empty key means that messages are not signed.
  if (key === "") return "";
  const hash = createHmac("sha256", key);
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
