import { text } from "./kinds.js";
import { setting } from "./setting.js";

/** TLS on the port of the service. */
export const tlsSection = {
  "tls.cert": setting({
    kind: text("file"),
    default: undefined,
    flag: "--tls-cert",
    env: "EKIBEN_TLS_CERT",
    help: "certificate in PEM, with those between it and its authority",
  }),
  "tls.key": setting({
    kind: text("file"),
    default: undefined,
    flag: "--tls-key",
    env: "EKIBEN_TLS_KEY",
    help: "key of the certificate in PEM",
  }),
  "tls.ca": setting({
    kind: text("file"),
    default: undefined,
    flag: "--tls-ca",
    env: "EKIBEN_TLS_CA",
    help: "authorities in PEM; every client has to show a certificate of theirs",
  }),
  "tls.passphrase": setting({
    kind: text("passphrase"),
    default: undefined,
    env: "EKIBEN_TLS_PASSPHRASE",
    help: "opens a key that is locked",
    secret: true,
  }),
};
