import { createTables } from "../bodies.js";
import { FEATURES } from "../features.js";
import { measureLoad, withServers } from "../measure.js";
import { servedBundle } from "../prepare.js";
import { createRandom } from "../random.js";
import { interleave, median, summarize } from "../rounds.js";

const ROWS = 100;
const ARROW = "application/vnd.apache.arrow.stream";

/** The same table in another format: how it is written, and its media type. */
const FORMATS = {
  split: {
    title: "split orient",
    write: (rows) => JSON.stringify({ columns: FEATURES, data: rows.map(toValues) }),
  },
  columns: {
    title: "columns orient",
    write: (rows) => JSON.stringify(mapColumns((name) => ({ ...rows.map((row) => row[name]) }))),
  },
  values: { title: "values orient", write: (rows) => JSON.stringify(rows.map(toValues)) },
  ndjson: {
    title: "NDJSON",
    mediaType: "application/x-ndjson",
    write: (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
  },
  csv: {
    title: "CSV",
    mediaType: "text/csv",
    write: (rows) => [FEATURES, ...rows.map(toValues)].map((line) => `${line.join()}\r\n`).join(""),
  },
  arrow: {
    title: "Arrow",
    mediaType: ARROW,
    write(rows, { tableFromArrays, tableToIPC }) {
      const columns = mapColumns((name) => Float64Array.from(rows, (row) => row[name]));
      return { base64: Buffer.from(tableToIPC(tableFromArrays(columns))).toString("base64") };
    },
  },
};

function toValues(row) {
  return FEATURES.map((name) => row[name]);
}

function mapColumns(write) {
  return Object.fromEntries(FEATURES.map((name) => [name, write(name)]));
}

/** What a table costs in each format, on one server. */
export const formats = {
  id: "formats",
  async run({ workplace, rounds, durationMs }) {
    const arrow = await import("apache-arrow");
    const records = createTables(ROWS, createRandom(ROWS));
    const tables = records.map((text) => JSON.parse(text));
    const path = "/predict";
    const recipe = await servedBundle(workplace, "tabular", { path, body: records[0] });
    return await withServers({ ekiben: recipe }, async ({ ekiben }, load) => {
      const variant = (bodies, mediaType, ms) => () =>
        measureLoad(load, ekiben, { path, bodies, mediaType, connections: 16, durationMs: ms });
      const bodies = {
        records: { bodies: records },
        // The reader of bytes knows no blank in front, so this is the way through JSON.parse.
        parsed: { bodies: records.map((text) => ` ${text}`) },
        ...Object.fromEntries(
          Object.entries(FORMATS).map(([name, { mediaType, write }]) => [
            name,
            { mediaType, bodies: tables.map((rows) => write(rows, arrow)) },
          ]),
        ),
      };
      const variants = (ms) =>
        Object.fromEntries(
          Object.entries(bodies).map(([name, one]) => [
            name,
            variant(one.bodies, one.mediaType, ms),
          ]),
        );
      for (const warmUp of Object.values(variants(700))) await warmUp();
      const measured = await interleave(variants(durationMs), rounds);
      const cpu = (name) => median(measured.map((round) => round[name].cpuUs));
      const line = (name) => [`${name}: CPU ${cpu(name).toFixed(1)} µs/req`];
      return [
        ...Object.entries(FORMATS).map(([name, { title }]) => ({
          what: `100 rows as ${title}: CPU a request against records`,
          ...summarize(measured, (round) => round[name].cpuUs / round.records.cpuUs),
          unit: "×",
          details: line(name),
        })),
        {
          what: "100 rows as records read from the bytes: CPU a request against the way through `JSON.parse`",
          ...summarize(measured, (round) => round.records.cpuUs / round.parsed.cpuUs),
          unit: "×",
          details: [...line("records"), ...line("parsed")],
        },
      ];
    });
  },
};
