import { packBody } from "./change-bytes.js";

/**
 * A request before it is written: its parts may be anything that bytes can be.
 * @typedef {object} Draft
 * @property {string} method
 * @property {string} target
 * @property {[string, string][]} headers written in Latin-1
 * @property {Buffer} body
 */

const MEDIA_TYPES = [
  ["application/json", "text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream"],
  [
    "application/vnd.apache.arrow.file",
    "application/vnd.apache.parquet",
    "image/png",
    "image/jpeg",
  ],
  ["application/octet-stream", "text/plain", "multipart/form-data", "text/tab-separated-values"],
  [
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=----ekiben-fuzz",
    "image/svg+xml",
  ],
  ["application/x-www-form-urlencoded", "application/vnd.x+json", "application/problem+json"],
].flat();
const ODD_TYPES = [
  ["", " ", ";", "/", "*/*", "a/b/c", "application/json;", "application/json;;;", "text/*", "json"],
  ['application/json; charset="', "application/json; charset==", "APPLICATION/JSON", "\xff/\xfe"],
  [
    "application/json, text/csv",
    'multipart/form-data; boundary="a\\"b"',
    "__proto__",
    "constructor/x",
  ],
  [
    "multipart/mixed; boundary=x",
    "application/json; __proto__=x; charset=utf-8",
    "text/plain; charset",
  ],
  `multipart/form-data; boundary=${"b".repeat(5000)}`,
  `application/json; a="${"\\".repeat(3000)}`,
  `application/json${"; a=b".repeat(1500)}`,
].flat();
const CHARSETS = [
  ["utf-8", "UTF8", "utf-16le", "utf-16be", "utf-16", "latin1", "iso-8859-1", "us-ascii", "utf-7"],
  [
    "shift_jis",
    "gb18030",
    "klingon",
    "",
    '"',
    "x-user-defined",
    "iso-2022-jp",
    "__proto__",
    "utf-32",
  ],
].flat();
const ACCEPTS = [
  ["*/*", "text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream", "text/html"],
  ["application/octet-stream", "application/json", "image/*", "text/event-stream", "*", "", ","],
  ["application/json;q=0", "*/*;q=0", "text/csv;q=x, */*;q=0.1", "a/b;q=1e999", "*/*;q=-1", "*/x"],
  [
    "text/csv;header=absent",
    'text/csv;a="b,c";q=0.5,*/*',
    '"',
    'a/b;x="',
    "application/json;version=2",
  ],
  `${"a/b,".repeat(2000)}*/*`,
].flat();
const IDS = [
  ["abc-123", "a:b._-", "", " ", "a b", "<script>", "a\tb", "\xe9", "../..", "undefined"],
  ["__proto__", "a,b", "x".repeat(128), "x".repeat(129), "x".repeat(7000)],
].flat();
const SHAPES = [
  ["2,3", "1,2,3", "3,2", "", ",", "2,", "-1,6", "1e9,1e9", "4294967296,4294967296", "0,3", "NaN"],
  [
    "99999999999999999999",
    "2.5,3",
    "2 3",
    "[2,3]",
    "null",
    "1,".repeat(40),
    "9".repeat(3000),
    "0x2,3",
  ],
].flat();
const NUMBERS = [
  "0",
  "1",
  "-1",
  "10",
  "9999999",
  "99999999999999999999",
  "1e3",
  "",
  " 5",
  "abc",
  "0x10",
  "1,2",
];
const DTYPES = [
  "float32",
  "float64",
  "int64",
  "string",
  "bool",
  "FP32",
  "",
  "__proto__",
  "constructor",
  "x".repeat(500),
];

/** @type {Record<string, (draft: Draft, choice: any) => void>} */
const HEADERS = {
  "another media type": (draft, choice) => set(draft, "Content-Type", choice.of(MEDIA_TYPES)),
  "an odd media type": (draft, choice) => set(draft, "Content-Type", choice.of(ODD_TYPES)),
  "no media type": (draft) => remove(draft, "Content-Type"),
  "two media types": (draft, choice) =>
    draft.headers.push(["content-type", choice.of(MEDIA_TYPES)]),
  "a charset": (draft, choice) =>
    set(draft, "Content-Type", `${typeOf(draft)}; charset=${choice.of(CHARSETS)}`),
  "an Accept": (draft, choice) => set(draft, "Accept", choice.of(ACCEPTS)),
  "two Accepts": (draft, choice) =>
    draft.headers.push(["Accept", choice.of(ACCEPTS)], ["accept", choice.of(ACCEPTS)]),
  "a request id": (draft, choice) => set(draft, "X-Request-Id", choice.of(IDS)),
  "a time limit": (draft, choice) => set(draft, "X-Request-Timeout-Ms", choice.of(NUMBERS)),
  "a shape": (draft, choice) => set(draft, "X-Tensor-Shape", choice.of(SHAPES)),
  "a dtype": (draft, choice) => set(draft, "X-Tensor-Dtype", choice.of(DTYPES)),
  "a length of the JSON": (draft, choice) =>
    set(
      draft,
      "Inference-Header-Content-Length",
      choice.chance(0.5) ? choice.of(NUMBERS) : String(choice.below(draft.body.length + 3)),
    ),
  "a disposition": (draft, choice) =>
    set(
      draft,
      "Content-Disposition",
      choice.of([
        'attachment; filename="../../etc/passwd"',
        "attachment; filename*=UTF-8''%ff%00",
        'form-data; name="',
        ";".repeat(500),
        `attachment; filename="${"\\".repeat(2000)}`,
      ]),
    ),
  "a long header": (draft, choice) =>
    draft.headers.push([
      choice.of(["X-Long", "Cookie", "Accept"]),
      "v".repeat(choice.of([4000, 9000, 20_000])),
    ]),
  "many headers": (draft, choice) => {
    for (let at = choice.size(1500); at > 0; at--) draft.headers.push([`x-${at}`, ""]);
  },
  "a name that objects have": (draft, choice) =>
    draft.headers.push([
      choice.of(["__proto__", "constructor", "prototype", "toString"]),
      "polluted",
    ]),
  "a header twice": (draft, choice) => {
    const twice = choice.of(["Host", "Origin", "X-Request-Id", "Content-Encoding", "User-Agent"]);
    draft.headers.push([twice, "a"], [twice, "b"]);
  },
  "a header of a proxy": (draft, choice) =>
    draft.headers.push(
      choice.of([
        ["X-Forwarded-For", "127.0.0.1, \xff"],
        ["X-Forwarded-Proto", "https"],
        ["X-HTTP-Method-Override", "DELETE"],
        ["Forwarded", 'for=;;host="x'],
        ["Origin", "null"],
        ["Range", "bytes=0-0"],
        ["If-None-Match", "*"],
        ["If-Modified-Since", "never"],
        ["Authorization", "Basic \xff"],
        ["TE", "trailers"],
        ["Trailer", "Content-Length"],
        ["Content-MD5", "x"],
        ["Content-Range", "bytes 0-1/2"],
      ]),
    ),
  "another host": (draft, choice) =>
    set(
      draft,
      "Host",
      choice.of(["", "evil.example", "a b", "[::1", "x:99999", "@", "\xff", "a/b", "localhost:0"]),
    ),
  "no host": (draft) => remove(draft, "Host"),
  "an expectation": (draft, choice) =>
    set(draft, "Expect", choice.of(["100-continue", "a miracle", ""])),
  "an upgrade": (draft, choice) =>
    draft.headers.push(
      ["Connection", "Upgrade"],
      ["Upgrade", choice.of(["websocket", "h2c", "TLS/1.0"])],
    ),
  "a connection that ends": (draft) => draft.headers.push(["Connection", "close"]),
  "a coding that is not there": (draft, choice) =>
    set(
      draft,
      "Content-Encoding",
      choice.of(["gzip", "br", "deflate", "identity", "zstd", "gzip, identity"]),
    ),
};

const TAILS = [
  [
    "/",
    "//",
    "/.",
    "/..",
    "?",
    "??a",
    "?a=b&a=c",
    "#x",
    "%00",
    "%2f",
    "%",
    "%zz",
    ";a=b",
    ":",
    "\\",
  ],
  [
    "?__proto__=x",
    "?constructor[prototype][polluted]=1",
    "?a[]=1&a[b]=2",
    "?%ff=%c3%28",
    "?n=1e400",
  ],
  [
    "?n=NaN&n=2",
    "?flag=maybe",
    "?big=1.5",
    "?at=2020-13-45",
    "?tag",
    "?tag=%F0%9F%8D%B1",
    "?n=",
    "?=&=&",
  ],
  ["/batched", "/batched/batched", "/../inside", "/%2e%2e/inside", "/ü", "\xff\xfe", "/🍱"],
].flat();
const TARGETS = [
  [
    "*",
    "/",
    "//",
    "/%",
    "/v1",
    "/v1/",
    "/v2/models/../predict/infer",
    "/..%2f..%2f..%2fetc%2fpasswd",
  ],
  ["/../../../../etc/passwd", "/docs/assets/..%2f..%2fpackage.json", "/docs/assets/x", "/docs"],
  [
    "http://127.0.0.1/v1/words",
    "http://evil.example/v1/words",
    "http://[::1",
    "https://a:b@c/",
    "a:b",
  ],
  [
    "//evil.example/v1/words",
    "/v2/models/__proto__/infer",
    "/v2/models/constructor/infer",
    "/v2/models//infer",
  ],
  [
    "/v2/models/predict/versions/0/infer",
    "/v2/models/%00/infer",
    "/v2/models/events/infer",
    "/v1/lookup/",
  ],
  [
    "/v1/lookup/%",
    "/v1/lookup/%ff",
    "/v1/lookup/%00",
    "/v1/lookup/..",
    "/v1/lookup/%2e%2e",
    "/v1/lookup/a%2fb",
  ],
  [
    "/v1/lookup/__proto__?n=1",
    "/V1/WORDS",
    "/v1//words",
    "/v1/%77ords",
    "/v1\\words",
    "/v1/words%20",
  ],
  [
    "/v2/repository/index",
    "/favicon.ico",
    "/.env",
    "/.git/config",
    "/metrics/",
    "/livez?x",
    "words",
    "?",
    "",
  ],
].flat();

/** @type {Record<string, (draft: Draft, choice: any) => void>} */
const PATHS = {
  "a tail": (draft, choice) => (draft.target += choice.of(TAILS)),
  "another path": (draft, choice) => (draft.target = choice.of(TARGETS)),
  "a slash more": (draft) => (draft.target = `/${draft.target}`),
  "a long path": (draft, choice) =>
    (draft.target += `/${"a".repeat(choice.of([300, 5000, 20_000]))}`),
  "a long query": (draft, choice) =>
    (draft.target += `?${"tag=a&".repeat(choice.size(2000))}n=${"1".repeat(choice.size(400))}`),
  "a byte of the path": (draft, choice) => {
    const at = choice.below(draft.target.length + 1);
    const sign = choice.of(["%", "%00", "/", "?", "\\", "\xe9", "..", " ", "\t", "\0", "\r"]);
    draft.target = draft.target.slice(0, at) + sign + draft.target.slice(at + choice.below(2));
  },
  "another method": (draft, choice) =>
    (draft.method = choice.of(
      [
        ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "QUERY", "POST"],
        ["get", "FOO", "", "PO ST", "POST\0", "\xff", "M".repeat(300), "__proto__", "constructor"],
      ].flat(),
    )),
};

/** @param {Draft} draft @returns {string} what was changed */
export function changeHeaders(draft, choice) {
  const what = choice.of(Object.keys(HEADERS));
  HEADERS[what](draft, choice);
  return `head: ${what}`;
}

/** @param {Draft} draft @returns {string} */
export function changePath(draft, choice) {
  const what = choice.of(Object.keys(PATHS));
  PATHS[what](draft, choice);
  return `path: ${what}`;
}

/** @param {Draft} draft @returns {string} */
export function changeCoding(draft, choice) {
  const { what, body, coding } = packBody(draft.body, choice);
  draft.body = body;
  set(draft, "Content-Encoding", coding);
  return `coding: ${what}`;
}

function remove(draft, name) {
  draft.headers = draft.headers.filter(([one]) => one.toLowerCase() !== name.toLowerCase());
}

function set(draft, name, value) {
  remove(draft, name);
  draft.headers.push([name, value]);
}

function typeOf({ headers }) {
  const sent = headers.find(([name]) => name.toLowerCase() === "content-type");
  return (sent?.[1] ?? "application/json").split(";")[0];
}
