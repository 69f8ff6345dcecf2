import { createHash } from "node:crypto";
import { crc32, deflateSync } from "node:zlib";
import * as arrow from "apache-arrow";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";

/**
 * A valid request that carries a number of its own, and how to see that number in its answer.
 * @typedef {object} Sent
 * @property {string} [method] POST unless told
 * @property {string} [target] the path, where it is not that of the seed
 * @property {[string, string][]} headers without those that say how long the body is
 * @property {Buffer} body
 * @property {unknown} [json] what the body says, when it is JSON
 *
 * @typedef {object} Seed
 * @property {string} kind the row of the table that its requests are counted in
 * @property {string} name
 * @property {string} path
 * @property {(id: number) => Sent} make
 * @property {(answer: { status: number, body: Buffer }, id: number) => boolean} holds
 */

const JSON_TYPE = "application/json";

const ask = (type, body, ...headers) => ({
  headers: [["Content-Type", type], ...headers],
  body: Buffer.from(body),
});
const askJson = (json, ...headers) => ({
  ...ask(JSON_TYPE, JSON.stringify(json), ...headers),
  json,
});

const parse = ({ body }) => JSON.parse(body.toString());
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
/** @returns {Seed["holds"]} */
const answers = (expected) => (answer, id) =>
  answer.status === 200 && same(parse(answer), expected(id));
/** @returns {Seed["holds"]} */
const contains = (text) => (answer, id) => answer.status === 200 && answer.body.includes(text(id));
const isAnswered = ({ status }) => status === 200;

// Tables

const COLUMNS = ["id", "name", "flag", "plan", "at", "big", "tags"];
const rowsOf = (id) =>
  Array.from({ length: 1 + (id % 3) }, (_, k) => ({
    id: id + k / 4,
    name: `n${id}`,
    flag: k === 0,
    plan: "pro",
    at: "2024-05-01T06:07:08.009Z",
    big: id,
    tags: ["a", `t${k}`],
  }));
const namedOf = (id) => rowsOf(id).map(({ id, name }) => ({ id, name }));
const numbersOf = (id) => rowsOf(id).map((row) => ({ id: row.id, a: id, b: row.id - id }));
const sumsOf = (id) => ({
  columns: ["id", "sum"],
  index: rowsOf(id).map((_, at) => at),
  data: numbersOf(id).map(({ id, a, b }) => [id, a + b]),
});
const valuesOf = (rows) => rows.map((row) => Object.values(row));
const columnsOf = (rows) =>
  Object.fromEntries(Object.keys(rows[0]).map((name) => [name, rows.map((row) => row[name])]));
const indexOf = (rows) => Object.fromEntries(rows.map((row, at) => [String(at), row]));

const csvOf = (rows) =>
  [Object.keys(rows[0]), ...valuesOf(rows)]
    .map((cells) =>
      cells
        .map((cell) => (Array.isArray(cell) ? JSON.stringify(cell) : String(cell)))
        .map((text) => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text))
        .join(","),
    )
    .join("\r\n");

function arrowOf(id, kind) {
  const rows = rowsOf(id);
  const pick = (name) => rows.map((row) => row[name]);
  const vectors = {
    id: arrow.vectorFromArray(pick("id"), new arrow.Float64()),
    name: arrow.vectorFromArray(pick("name"), new arrow.Utf8()),
    flag: arrow.vectorFromArray(pick("flag"), new arrow.Bool()),
    plan: arrow.vectorFromArray(
      pick("plan"),
      new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32()),
    ),
    at: arrow.vectorFromArray(pick("at").map(Date.parse), new arrow.TimestampMillisecond("UTC")),
    big: arrow.vectorFromArray(pick("big").map(BigInt), new arrow.Int64()),
  };
  return arrow.tableToIPC(new arrow.Table(vectors), kind);
}

function parquetOf(id, codec) {
  const rows = rowsOf(id);
  const pick = (name) => rows.map((row) => row[name]);
  const columnData = [
    { name: "id", data: pick("id"), type: "DOUBLE" },
    { name: "name", data: pick("name"), type: "STRING" },
    { name: "flag", data: pick("flag"), type: "BOOLEAN" },
    { name: "plan", data: pick("plan"), type: "STRING" },
    { name: "at", data: pick("at").map((text) => new Date(text)), type: "TIMESTAMP" },
    { name: "big", data: pick("big").map(BigInt), type: "INT64" },
  ];
  return Buffer.from(parquetWriteBuffer({ columnData, codec }));
}

const tables = {
  records: (id) => askJson(rowsOf(id)),
  columns: (id) => askJson(columnsOf(rowsOf(id))),
  "columns by index": (id) =>
    askJson(
      Object.fromEntries(
        Object.entries(columnsOf(rowsOf(id))).map(([name, cells]) => [name, { ...cells }]),
      ),
    ),
  values: (id) => askJson(valuesOf(rowsOf(id))),
  split: (id) => askJson({ columns: COLUMNS, data: valuesOf(rowsOf(id)) }),
  index: (id) => askJson(indexOf(rowsOf(id))),
  lines: (id) =>
    ask(
      "application/x-ndjson",
      rowsOf(id)
        .map((row) => JSON.stringify(row))
        .join("\n"),
    ),
  csv: (id) => ask("text/csv", csvOf(rowsOf(id))),
  tsv: (id) =>
    ask(
      "text/tab-separated-values",
      ["id\tname\tplan", ...rowsOf(id).map((row) => `${row.id}\t${row.name}\tpro`)].join("\n"),
    ),
  "arrow stream": (id) => ask("application/vnd.apache.arrow.stream", arrowOf(id, "stream")),
  "arrow file": (id) => ask("application/vnd.apache.arrow.file", arrowOf(id, "file")),
  parquet: (id) => ask("application/vnd.apache.parquet", parquetOf(id, "SNAPPY")),
  "plain parquet": (id) => ask("application/vnd.apache.parquet", parquetOf(id, "UNCOMPRESSED")),
};

const tableAnswers = {
  "text/csv": contains((id) => `,n${id}\r\n`),
  "application/x-ndjson": contains((id) => `"name":"n${id}"}\n`),
  "application/vnd.apache.arrow.stream": contains((id) => `n${id}`),
};

const numbers = {
  records: (id) => askJson(numbersOf(id)),
  values: (id) => askJson(valuesOf(numbersOf(id))),
  split: (id) => askJson({ columns: ["id", "a", "b"], data: valuesOf(numbersOf(id)) }),
  columns: (id) => askJson(columnsOf(numbersOf(id))),
  csv: (id) => ask("text/csv", csvOf(numbersOf(id))),
};

const looseOf = (id) =>
  rowsOf(id).map((row) => ({ ...row, more: { text: `m${id}`, list: [1, null] } }));

// JSON

const itemOf = (id) => ({
  id,
  text: `t${id} ü`,
  list: [id, "a", null],
  map: { b: { c: [id] }, d: null },
  shape: id % 2 === 0 ? { kind: "circle", radius: 1 } : { kind: "box", sides: [1, 2.5] },
  at: "2024-05-01T06:07:08.009Z",
  big: id,
  tree: { a: [id, { b: null }] },
});

// Tensors

const floatsOf = (id) => [
  [id, 0.5, -1],
  [2, 3.25, id % 7],
];
const toFloats = (id) => Buffer.from(Float32Array.from(floatsOf(id).flat()).buffer);
const longsOf = (id) => Array.from({ length: 1 + (id % 3) }, (_, k) => [id, k]);
const toLongs = (id) => Buffer.from(BigInt64Array.from(longsOf(id).flat().map(BigInt)).buffer);
const stringsOf = (id) => [`s${id}`, "", "駅弁"];
const toStrings = (texts) =>
  Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
const shaped = (dims, dtype) => [
  ["X-Tensor-Shape", dims.join(",")],
  ["X-Tensor-Dtype", dtype],
];
const BYTES_TYPE = "application/octet-stream";

const floats = {
  lists: (id) => askJson(floatsOf(id)),
  "flat lists": (id) => askJson({ data: floatsOf(id).flat(), shape: [2, 3], dtype: "float32" }),
  base64: (id) =>
    askJson({ b64: toFloats(id).toString("base64"), shape: [2, 3], dtype: "float32" }),
  bytes: (id) => ask(BYTES_TYPE, toFloats(id), ...shaped([2, 3], "float32")),
};
const longs = {
  lists: (id) => askJson(longsOf(id)),
  bytes: (id) => ask(BYTES_TYPE, toLongs(id), ...shaped([longsOf(id).length, 2], "int64")),
};
const strings = {
  lists: (id) => askJson(stringsOf(id)),
  bytes: (id) => ask(BYTES_TYPE, toStrings(stringsOf(id)), ...shaped([3], "string")),
};

// Images

const SIDE = 4;
const pixelsOf = (id) =>
  Array.from({ length: SIDE * SIDE * 3 }, (_, at) => (id >>> (8 * (at % 4))) & 0xff);

function pngChunk(type, data) {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length);
  chunk.write(type, 4, "latin1");
  data.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}

/** A PNG of 8 bits a channel, RGB (PNG specification, 11.2). */
function pngOf(id) {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(SIDE, 0);
  head.writeUInt32BE(SIDE, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const pixels = Buffer.from(pixelsOf(id));
  const lines = Array.from({ length: SIDE }, (_, y) =>
    Buffer.concat([Buffer.alloc(1), pixels.subarray(y * SIDE * 3, (y + 1) * SIDE * 3)]),
  );
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    pngChunk("IHDR", head),
    pngChunk("IDAT", deflateSync(Buffer.concat(lines))),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

function nestedOf(pixels) {
  const row = (y) =>
    Array.from({ length: SIDE }, (_, x) =>
      pixels.slice((y * SIDE + x) * 3, (y * SIDE + x) * 3 + 3),
    );
  return Array.from({ length: SIDE }, (_, y) => row(y));
}

const FORMATS = ["jpeg", "webp", "gif", "tiff", "png"];

/** Files of each format with a few sizes; their pixels are not those of anything else. */
async function makePhotos() {
  const photos = {};
  for (const format of FORMATS) {
    const raw = { width: 40, height: 30, channels: format === "png" ? 4 : 3 };
    const data = Buffer.from(
      Array.from({ length: 40 * 30 * raw.channels }, (_, at) => (at * 7) % 256),
    );
    photos[format] = await sharp(data, { raw }).toFormat(format).withMetadata().toBuffer();
  }
  return photos;
}

// Forms

const BOUNDARY = "----ekiben-fuzz";
function multipart(...parts) {
  const bytes = parts.map(([head, body]) =>
    Buffer.concat([
      Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`),
      Buffer.from(body),
      Buffer.from("\r\n"),
    ]),
  );
  return ask(
    `multipart/form-data; boundary=${BOUNDARY}`,
    Buffer.concat([...bytes, Buffer.from(`--${BOUNDARY}--\r\n`)]),
  );
}
const docOf = (id) => Buffer.from(`doc ${id} `.repeat(id % 4 === 0 ? 300 : 3));
const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex");
const aboutOf = (id) => ({
  id,
  note: `note ${id}`,
  size: docOf(id).length,
  sha256: hashOf(docOf(id)),
});
const forms = {
  multipart: (id) =>
    multipart(
      ['name="meta"\r\nContent-Type: application/json', JSON.stringify({ id })],
      ['name="doc"; filename="a b.txt"\r\nContent-Type: text/plain', docOf(id)],
      ['name="note"', `note ${id}`],
      ['name="photo"; filename="p.png"\r\nContent-Type: image/png', pngOf(id)],
      ['name="unknown"', "dropped"],
    ),
  json: (id) =>
    askJson({
      doc: { b64: docOf(id).toString("base64"), name: "a.txt" },
      meta: { id, note: "x" },
      note: `note ${id}`,
      photo: { b64: pngOf(id).toString("base64") },
    }),
};
const fieldsOf = (id) => ({ a: [`a${id}`, "ü&="], b: [id, 1.5] });
const fieldForms = {
  multipart: (id) =>
    multipart(
      ['name="a"', `a${id}`],
      ['name="a"', "ü&="],
      ['name="b"', JSON.stringify(fieldsOf(id).b)],
    ),
  "url encoded": (id) =>
    ask(
      "application/x-www-form-urlencoded",
      new URLSearchParams([
        ["a", `a${id}`],
        ["a", "ü&="],
        ["b", JSON.stringify(fieldsOf(id).b)],
      ]).toString(),
    ),
  json: (id) => askJson(fieldsOf(id)),
};

// Open Inference Protocol

const tensorOf = (name, datatype, shape, data) => ({ name, shape, datatype, data });
const inference = (id, inputs, more = {}) => askJson({ id: `r${id}`, inputs, ...more });
const infer = (model) => `/v2/models/${model}/infer`;

function binaryInference(id, tensors, more = {}) {
  const json = JSON.stringify({
    id: `r${id}`,
    inputs: tensors.map(({ bytes, ...tensor }) => ({
      ...tensor,
      parameters: { binary_data_size: bytes.length },
    })),
    ...more,
  });
  return ask(BYTES_TYPE, Buffer.concat([Buffer.from(json), ...tensors.map(({ bytes }) => bytes)]), [
    "Inference-Header-Content-Length",
    String(Buffer.byteLength(json)),
  ]);
}

const doubles = (values) => Buffer.from(Float64Array.from(values).buffer);

/** @type {[string, string, (id: number) => Sent, Seed["holds"]][]} */
const inferences = [
  [
    "columns",
    infer("predict"),
    (id) => {
      const { id: ids, a, b } = columnsOf(numbersOf(id));
      const n = ids.length;
      return inference(id, [
        tensorOf("id", "FP64", [n], ids),
        tensorOf(
          "a",
          "FP64",
          [n, 1],
          a.map((one) => [one]),
        ),
        tensorOf("b", "FP64", [n], b),
      ]);
    },
    (answer, id) =>
      answer.status === 200 &&
      parse(answer).id === `r${id}` &&
      same(parse(answer).outputs[0].data, columnsOf(numbersOf(id)).id),
  ],
  [
    "a matrix in binary",
    infer("single"),
    (id) => {
      const cells = valuesOf(numbersOf(id));
      return binaryInference(id, [
        { name: "x", datatype: "FP64", shape: [cells.length, 3], bytes: doubles(cells.flat()) },
      ]);
    },
    (answer, id) => answer.status === 200 && parse(answer).id === `r${id}`,
  ],
  [
    "a tensor",
    infer("floats"),
    (id) => inference(id, [tensorOf("x", "FP32", [1, 2, 3], [floatsOf(id)])]),
    (answer, id) =>
      answer.status === 200 && same(parse(answer).outputs[0].data, floatsOf(id).flat()),
  ],
  [
    "a tensor in binary",
    infer("floatsBatched"),
    (id) =>
      binaryInference(
        id,
        [{ name: "x", datatype: "FP32", shape: [1, 2, 3], bytes: toFloats(id) }],
        {
          outputs: [{ name: "output", parameters: { binary_data: true } }],
        },
      ),
    (answer, id) => answer.status === 200 && answer.body.includes(toFloats(id)),
  ],
  [
    "long integers",
    infer("longsBatched"),
    (id) => inference(id, [tensorOf("longs", "INT64", [longsOf(id).length, 2], longsOf(id))]),
    (answer, id) =>
      answer.status === 200 && same(parse(answer).outputs[0].data, longsOf(id).flat()),
  ],
  [
    "halves",
    infer("floats"),
    (id) =>
      binaryInference(id, [
        {
          name: "x",
          datatype: "FP16",
          shape: [2, 3],
          bytes: Buffer.from("003c0040004200440045c03f", "hex"),
        },
      ]),
    (answer, id) => answer.status === 200 && parse(answer).id === `r${id}`,
  ],
  [
    "strings in binary",
    infer("stringsBatched"),
    (id) =>
      binaryInference(id, [
        { name: "x", datatype: "BYTES", shape: [1, 3], bytes: toStrings(stringsOf(id)) },
      ]),
    contains((id) => `"s${id}"`),
  ],
  [
    "text",
    infer("words"),
    (id) => inference(id, [tensorOf("x", "BYTES", [1], [`text ${id}`])]),
    contains((id) => `"text ${id}"`),
  ],
  [
    "JSON in a tensor",
    infer("objectBatched"),
    (id) => inference(id, [tensorOf("x", "BYTES", [1, 1], [JSON.stringify(itemOf(id))])]),
    contains((id) => `r${id}`),
  ],
];

// MLflow

const holdsSums = answers((id) => ({
  predictions: numbersOf(id).map(({ id, a, b }) => ({ id, sum: a + b })),
}));
const scorings = {
  dataframe_split: (id) =>
    askJson({ dataframe_split: { columns: ["id", "a", "b"], data: valuesOf(numbersOf(id)) } }),
  dataframe_records: (id) => askJson({ dataframe_records: numbersOf(id) }),
  instances: (id) => askJson({ instances: numbersOf(id) }),
  inputs: (id) => askJson({ inputs: columnsOf(numbersOf(id)) }),
  csv: (id) => ask("text/csv", csvOf(numbersOf(id))),
};

// All together

const get = (target) => ({ method: "GET", target, headers: [], body: Buffer.alloc(0) });

const OPEN_ROUTES = [
  ["/livez", "/readyz", "/healthz", "/metadata", "/openapi.json", "/", "/ping"],
  ["/health", "/version", "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models"],
  ["/v2/models/predict", "/v2/models/fuzz", "/v2/models/predict/ready", "/metrics"],
  "/docs/assets/swagger-ui.css",
].flat();

/** @returns {Promise<Seed[]>} */
export async function makeSeeds() {
  const photos = await makePhotos();
  const seeds = [];
  const add = (kind, name, path, make, holds) => seeds.push({ kind, name, path, make, holds });
  const both = (path) => [path, `${path}/batched`];

  const named = answers(namedOf);
  for (const [name, make] of Object.entries(tables)) {
    for (const path of both("/v1/table")) add("dataframe", name, path, make, named);
  }
  for (const [type, holds] of Object.entries(tableAnswers)) {
    const make = (id) => {
      const sent = tables.records(id);
      return { ...sent, headers: [...sent.headers, ["Accept", type]] };
    };
    for (const path of both("/v1/table")) add("dataframe", `as ${type}`, path, make, holds);
  }
  for (const [name, make] of Object.entries(numbers)) {
    for (const path of ["/v1/predict", "/v1/predict/single"]) {
      add("dataframe", `numbers in ${name}`, path, make, answers(sumsOf));
    }
  }
  for (const path of both("/v1/loose")) {
    add("dataframe", "loose", path, (id) => askJson(looseOf(id)), answers(looseOf));
  }
  for (const path of both("/v1/object")) {
    add("json", "object", path, (id) => askJson(itemOf(id)), answers(itemOf));
  }
  for (const [name, make] of Object.entries(floats)) {
    for (const path of both("/v1/floats")) add("tensor", name, path, make, answers(floatsOf));
  }
  for (const [name, make] of Object.entries(longs)) {
    for (const path of both("/v1/longs"))
      add("tensor", `longs in ${name}`, path, make, answers(longsOf));
  }
  for (const [name, make] of Object.entries(strings)) {
    for (const path of both("/v1/strings")) {
      add("tensor", `strings in ${name}`, path, make, answers(stringsOf));
    }
  }
  for (const path of both("/v1/pixels")) {
    const pixels = answers((id) => nestedOf(pixelsOf(id)));
    add("image", "png", path, (id) => ask("image/png", pngOf(id)), pixels);
    const b64 = (id) => askJson({ b64: pngOf(id).toString("base64") });
    add("image", "base64", path, b64, pixels);
    for (const format of FORMATS) {
      add(
        "image",
        `photo, ${format}`,
        path,
        () => ask(`image/${format}`, photos[format]),
        isAnswered,
      );
    }
  }
  const isThePng = (answer, id) => answer.status === 200 && answer.body.equals(pngOf(id));
  add("image", "file", "/v1/picture", (id) => ask("image/png", pngOf(id)), isThePng);
  add("image", "photo", "/v1/picture", () => ask("image/jpeg", photos.jpeg), isAnswered);

  for (const path of both("/v1/words")) {
    const holds = (answer, id) =>
      answer.status === 200 && answer.body.toString() === `text ${id} ü`;
    add("text", "plain", path, (id) => ask("text/plain; charset=utf-8", `text ${id} ü`), holds);
    add("text", "json", path, (id) => askJson(`text ${id} ü`), holds);
    const wide = (id) =>
      ask("text/plain; charset=utf-16le", Buffer.from(`text ${id} ü`, "utf16le"));
    add("text", "UTF-16", path, wide, holds);
    const narrow = (id) => ask("text/plain; charset=latin1", Buffer.from(`text ${id} ü`, "latin1"));
    add("text", "Latin-1", path, narrow, holds);
  }
  const sendsBack = (answer, id) => answer.status === 200 && answer.body.equals(docOf(id));
  add("file", "bytes", "/v1/file", (id) => ask("text/plain", docOf(id)), sendsBack);
  const named2 = (id) =>
    multipart(['name="doc"; filename="ü.txt"\r\nContent-Type: text/plain', docOf(id)]);
  add("file", "form", "/v1/file", named2, sendsBack);
  const isHashed = answers((id) => ({ size: docOf(id).length, sha256: hashOf(docOf(id)) }));
  add("file", "bytes", "/v1/file/batched", (id) => ask("text/plain", docOf(id)), isHashed);
  add("file", "form", "/v1/file/batched", named2, isHashed);

  for (const path of both("/v1/form")) {
    for (const [name, make] of Object.entries(forms))
      add("form", name, path, make, answers(aboutOf));
  }
  for (const path of both("/v1/fields")) {
    for (const [name, make] of Object.entries(fieldForms)) {
      add("form", `fields in ${name}`, path, make, answers(fieldsOf));
    }
  }
  const ownOf = (id) => ({ id, rest: [{ a: id }] });
  for (const path of both("/v1/own"))
    add("own", "one", path, (id) => askJson(ownOf(id)), answers(ownOf));
  for (const path of both("/v1/listed")) {
    const make = (id) => askJson({ items: [{ id }, null, { id: id + 0.5 }] });
    add(
      "own",
      "list",
      path,
      make,
      answers((id) => [{ id }, { skipped: true }, { id: id + 0.5 }]),
    );
  }
  for (const path of both("/v1/wrapped")) {
    add("own", "table", path, (id) => askJson({ rows: namedOf(id) }), answers(namedOf));
  }

  const queryOf = (id) => `?n=${id}&flag=true&at=2024-05-01&big=7&tag=a&tag=%C3%BC`;
  const found = (id) => ({
    id: `x ${id}`,
    query: { n: id, flag: true, at: "2024-05-01T00:00:00.000Z", big: 7, tag: ["a", "ü"] },
  });
  const lookup = (id) => get(`/v1/lookup/x%20${id}${queryOf(id)}`);
  add("parameters", "typed", "/v1/lookup", lookup, answers(found));
  const texts = (id) => ({ id: `x ${id}`, query: { n: String(id), tag: ["a", "b"] } });
  const lookupBatched = (id) => get(`/v1/lookup/x%20${id}/batched?n=${id}&tag=a&tag=b`);
  add("parameters", "text", "/v1/lookup/batched", lookupBatched, answers(texts));

  const stream = (id) => askJson({ id, count: 1 + (id % 20) });
  const linesOf = (id) =>
    Array.from({ length: 1 + (id % 20) }, (_, at) => JSON.stringify({ id, at }));
  const isLines = (answer, id) =>
    answer.status === 200 && answer.body.toString().trimEnd() === linesOf(id).join("\n");
  add("stream", "lines", "/v1/lines", stream, isLines);
  const isEvents = (answer, id) => {
    const events = linesOf(id).map((line) => `data: ${line}\n\n`);
    return answer.status === 200 && answer.body.toString().startsWith(events.join(""));
  };
  add("stream", "events", "/v1/events", stream, isEvents);

  for (const [name, path, make, holds] of inferences)
    add("open inference", name, path, make, holds);
  for (const [name, make] of Object.entries(scorings)) {
    add("mlflow", name, "/invocations", make, holdsSums);
  }
  for (const path of OPEN_ROUTES) add("other", path, path, () => get(path), isAnswered);
  return seeds;
}
