import { readFile } from "node:fs/promises";
import type { ServerOptions } from "node:https";
import { EkibenError } from "../core/errors.js";
import type { Settings } from "./settings/table.js";

/** What a server that speaks TLS is created with. */
export type TlsOptions = Pick<
  ServerOptions,
  "cert" | "key" | "ca" | "passphrase" | "requestCert" | "rejectUnauthorized" | "minVersion"
>;

/** Milliseconds that a client has for its handshake; Node gives it two minutes. */
export const HANDSHAKE_MS = 10_000;

/**
 * Reads the certificate, the key and the authorities of clients, as they are now; `undefined` when
 * no certificate is set. With authorities every client has to show a certificate of theirs.
 * @throws SETTING_INVALID when a file is missing or they do not belong together.
 */
export async function readTls(settings: Settings): Promise<TlsOptions | undefined> {
  const { "tls.cert": cert, "tls.key": key, "tls.ca": ca } = settings;
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    const lacking = cert === undefined ? "tls.cert" : "tls.key";
    throw new EkibenError("SETTING_INVALID", {
      detail: `TLS needs a certificate and its key, and ${lacking} is not set.`,
      hint: "Give --tls-cert and --tls-key.",
    });
  }
  const passphrase = settings["tls.passphrase"];
  const options: TlsOptions = {
    cert: await readPem("tls.cert", cert),
    key: await readPem("tls.key", key),
    minVersion: "TLSv1.2",
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(ca === undefined
      ? {}
      : { ca: await readPem("tls.ca", ca), requestCert: true, rejectUnauthorized: true }),
  };
  const { createSecureContext } = await import("node:tls");
  try {
    createSecureContext(options);
  } catch (cause) {
    throw new EkibenError("SETTING_INVALID", {
      detail: `${cert} and ${key} cannot be used: ${(cause as Error).message}.`,
      hint: "Both have to be PEM and to belong together; EKIBEN_TLS_PASSPHRASE opens a key that is locked.",
      cause,
    });
  }
  return options;
}

async function readPem(name: string, path: string): Promise<Buffer> {
  return await readFile(path).catch((cause: unknown) => {
    throw new EkibenError("SETTING_INVALID", {
      detail: `${name}: ${path} cannot be read: ${(cause as NodeJS.ErrnoException).code}.`,
      hint: "Check its path and its permissions.",
      cause,
    });
  });
}
