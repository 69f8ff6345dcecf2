/**
 * A request as bytes. `framed` says that a server which goes by the standard sees exactly this one
 * request in them, so that others may follow on the same connection.
 * @typedef {object} Written
 * @property {Buffer} bytes
 * @property {boolean} framed
 * @property {string} what
 */

const head = ({ method, target, headers }, more) =>
  Buffer.from(
    [
      `${method} ${target} HTTP/1.1`,
      ...[...headers, ...more].map(([name, value]) => `${name}: ${value}`),
      "",
      "",
    ].join("\r\n"),
    "latin1",
  );

const lengthOf = (body) => [["Content-Length", String(body.length)]];
const CHUNKED = [["Transfer-Encoding", "chunked"]];
const END = Buffer.from("0\r\n\r\n");

/** @param {import("./change-head.js").Draft} draft @returns {Buffer} */
export function writePlain(draft) {
  const bare = draft.body.length === 0 && (draft.method === "GET" || draft.method === "HEAD");
  return Buffer.concat([head(draft, bare ? [] : lengthOf(draft.body)), draft.body]);
}

function toChunks(body, choice) {
  const parts = [];
  for (let at = 0; at < body.length;) {
    const part = body.subarray(at, at + 1 + choice.size(body.length));
    const extension = choice.chance(0.1) ? ";a=b" : "";
    parts.push(
      Buffer.from(`${part.length.toString(16)}${extension}\r\n`),
      part,
      Buffer.from("\r\n"),
    );
    at += part.length;
  }
  return Buffer.concat(parts);
}

/** @param {import("./change-head.js").Draft} draft @returns {Written} */
export function writeChunked(draft, choice) {
  const trailers = choice.chance(0.1) ? "0\r\nX-Trailer: a\r\n\r\n" : "0\r\n\r\n";
  const parts = [head(draft, CHUNKED), toChunks(draft.body, choice), Buffer.from(trailers)];
  return { bytes: Buffer.concat(parts), framed: true, what: "framing: chunks" };
}

/** @type {Record<string, (draft: import("./change-head.js").Draft, choice: any) => Buffer>} */
const WILD = {
  "a length that is too long": (draft, choice) =>
    join(
      draft,
      [["Content-Length", String(draft.body.length + 1 + choice.size(10_000))]],
      draft.body,
    ),
  "a length that is too short": (draft, choice) =>
    join(draft, [["Content-Length", String(choice.below(draft.body.length + 1))]], draft.body),
  "a length that is none": (draft, choice) =>
    join(
      draft,
      [
        [
          "Content-Length",
          choice.of(["-1", "1e3", "0x10", "", " ", "99999999999999999999999", "+5", "1,1", "１"]),
        ],
      ],
      draft.body,
    ),
  "two lengths": (draft, choice) =>
    join(
      draft,
      [...lengthOf(draft.body), ["Content-Length", String(choice.below(100))]],
      draft.body,
    ),
  "a length and chunks": (draft, choice) =>
    join(
      draft,
      [...lengthOf(draft.body), ...CHUNKED],
      Buffer.concat([toChunks(draft.body, choice), END]),
    ),
  "chunks that are none": (draft) => join(draft, CHUNKED, draft.body),
  "a chunk with a wrong size": (draft, choice) => {
    const size = choice.of([
      "ffffffffffffffff",
      "-1",
      "0x5",
      "",
      "g",
      "1g",
      "7fffffff",
      " 5",
      "00000000000000000005",
    ]);
    return join(draft, CHUNKED, Buffer.concat([Buffer.from(`${size}\r\n`), draft.body, END]));
  },
  "chunks without an end": (draft, choice) => join(draft, CHUNKED, toChunks(draft.body, choice)),
  "a transfer coding that is none": (draft, choice) =>
    join(
      draft,
      [
        [
          "Transfer-Encoding",
          choice.of(["gzip", "chunked, gzip", "identity", "xchunked", "chunked\x0b", ""]),
        ],
      ],
      draft.body,
    ),
  "line ends in a header": (draft, choice) => {
    const line = choice.of([
      "\r\nX-Injected: yes",
      "\n\n",
      "\r\n\r\nGET /livez HTTP/1.1\r\nHost: a\r\n",
      "\r",
      "\0",
      "\r\n folded",
    ]);
    return join(draft, [["X-Request-Id", `a${line}`], ...lengthOf(draft.body)], draft.body);
  },
  "a header that is none": (draft, choice) =>
    join(
      draft,
      [[choice.of(["", " ", "a b", "a\0", "é", "X-\n", "(", "a:"]), "x"], ...lengthOf(draft.body)],
      draft.body,
    ),
  "a version that is none": (draft, choice) => {
    const version = choice.of([
      "HTTP/1.0",
      "HTTP/0.9",
      "HTTP/2.0",
      "HTTP/1.2",
      "HTTP/9",
      "http/1.1",
      "",
    ]);
    const text = writePlain(draft).toString("latin1").replace("HTTP/1.1", version);
    return Buffer.from(text, "latin1");
  },
  "another protocol": (draft, choice) =>
    choice.of([
      Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      Buffer.from("16030100c8010000c40303", "hex"),
      Buffer.concat([choice.bytes(choice.size(500)), Buffer.from("\r\n\r\n")]),
      Buffer.from("\r\n\r\n\r\n"),
      Buffer.from(`CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: a\r\n\r\n`),
      Buffer.concat([writePlain(draft), Buffer.from("\r\n\r\nnonsense\r\n\r\n")]),
    ]),
  "flipped bits of it all": (draft, choice) => {
    const bytes = writePlain(draft);
    for (let left = 1 + choice.size(20); left > 0; left--) {
      bytes[choice.below(Math.min(bytes.length, 400))] ^= 1 << choice.below(8);
    }
    return bytes;
  },
  "an end in the middle": (draft, choice) => {
    const bytes = writePlain(draft);
    return bytes.subarray(0, choice.below(bytes.length));
  },
  "two in one": (draft) => {
    const bytes = writePlain(draft);
    return Buffer.concat([bytes, bytes]);
  },
};

/** @param {import("./change-head.js").Draft} draft @returns {Written} */
export function writeWild(draft, choice) {
  const what = choice.of(Object.keys(WILD));
  return { bytes: WILD[what](draft, choice), framed: false, what: `framing: ${what}` };
}

function join(draft, more, body) {
  return Buffer.concat([head(draft, more), body]);
}
