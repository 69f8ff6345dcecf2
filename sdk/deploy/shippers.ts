/** The shippers for which there is a configuration. */
export const SHIPPERS = ["filebeat", "fluent-bit", "vector", "rsyslog"] as const;
export type Shipper = (typeof SHIPPERS)[number];

/** Where a shipper sends lines to. */
export const SHIPPER_OUTPUTS = ["kafka", "elasticsearch", "file"] as const;
export type ShipperOutput = (typeof SHIPPER_OUTPUTS)[number];

export interface ShipperOptions {
  /** The folder of the logs, absolute. */
  directory: string;
  output: ShipperOutput;
  /** Brokers of Kafka, the address of Elasticsearch, or a path. */
  to: string;
  /** The topic of Kafka, or the beginning of the names of indices. @default "ekiben" */
  topic?: string;
  /** Where the shipper keeps how far it has read. @default "/var/lib/ekiben-shipper" */
  state?: string;
}

/** A configuration that takes lines as they are and sends them on. */
export function toShipperConfig(shipper: Shipper, options: ShipperOptions): string {
  const facts: Facts = { topic: "ekiben", state: "/var/lib/ekiben-shipper", ...options };
  switch (shipper) {
    case "filebeat":
      return toFilebeat(facts);
    case "fluent-bit":
      return toFluentBit(facts);
    case "vector":
      return toVector(facts);
    case "rsyslog":
      return toRsyslog(facts);
  }
}

type Facts = Required<ShipperOptions>;

const STREAMS = ["access", "prediction", "feedback"] as const;

/** JSON is YAML, and quotes what has to be quoted. */
const yaml = (value: unknown): string => JSON.stringify(value);

function toFilebeat({ directory, output, to, topic, state }: Facts): string {
  const hosts = yaml(to.split(","));
  const outputs: Record<ShipperOutput, string[]> = {
    kafka: [
      "output.kafka:",
      `  hosts: ${hosts}`,
      `  topic: ${yaml(`${topic}-%{[event.dataset]}`)}`,
      "  # All lines of one request go to one partition, in order.",
      `  key: ${yaml("%{[http.request.id]}")}`,
      "  required_acks: 1",
      "  # Lines of predictions may be larger than Kafka's own limit for Filebeat.",
      "  max_message_bytes: 1000000",
    ],
    elasticsearch: [
      "output.elasticsearch:",
      `  hosts: ${hosts}`,
      `  index: ${yaml(`${topic}-%{[event.dataset]}-%{+yyyy.MM.dd}`)}`,
      "setup.ilm.enabled: false",
      `setup.template.name: ${yaml(topic)}`,
      `setup.template.pattern: ${yaml(`${topic}-*`)}`,
      "# Bodies are kept and not searched: one text each, whatever the APIs take.",
      "setup.template.append_fields:",
      ...["input.body", "input.base64", "output.body", "output.base64", "feedback.body"].flatMap(
        (name) => [
          `  - name: ekiben.${name}`,
          "    type: keyword",
          "    index: false",
          "    doc_values: false",
        ],
      ),
    ],
    file: ["output.file:", `  path: ${yaml(to)}`, `  filename: ${yaml(topic)}`],
  };
  return lines(
    "# Filebeat 8 or later: filebeat -e -c <this file>",
    `path.data: ${yaml(state)}`,
    "filebeat.inputs:",
    ...STREAMS.flatMap((stream) => [
      "  - type: filestream",
      `    id: ekiben-${stream}`,
      "    # Rotated files too: they are told by their first bytes, and read to their end.",
      `    paths: [${yaml(`${directory}/${stream}.log`)}, ${yaml(`${directory}/${stream}-*.log`)}]`,
      "    prospector.scanner.fingerprint.enabled: true",
      "    # Files of a few lines are taken as well.",
      "    prospector.scanner.fingerprint.length: 64",
      "    file_identity.fingerprint: ~",
      "    parsers:",
      "      - ndjson:",
      "          # The names are those of ECS; they stay where they are.",
      '          target: ""',
      "          overwrite_keys: true",
      "          add_error_key: true",
      "          expand_keys: true",
    ]),
    ...outputs[output],
  );
}

function toFluentBit({ directory, output, to, topic, state }: Facts): string {
  const [host, port] = splitAddress(to);
  const outputs: Record<ShipperOutput, string[]> = {
    kafka: [
      "    - name: kafka",
      "      match: ekiben.*",
      `      brokers: ${yaml(to)}`,
      `      topics: ${yaml(topic)}`,
      "      format: json",
      "      # All lines of one request go to one partition, in order.",
      "      message_key_field: http.request.id",
      '      timestamp_key: "@timestamp"',
      "      timestamp_format: iso8601",
    ],
    elasticsearch: [
      "    - name: es",
      "      match: ekiben.*",
      `      host: ${yaml(host)}`,
      `      port: ${port ?? 9200}`,
      "      logstash_format: on",
      `      logstash_prefix: ${yaml(topic)}`,
      "      suppress_type_name: on",
    ],
    file: [
      "    - name: file",
      "      match: ekiben.*",
      `      path: ${yaml(to)}`,
      `      file: ${yaml(topic)}`,
      "      format: plain",
    ],
  };
  return lines(
    "# Fluent Bit 3 or later: fluent-bit -c <this file>",
    "service:",
    "  flush: 1",
    "parsers:",
    "  - name: ekiben",
    "    format: json",
    '    time_key: "@timestamp"',
    '    time_format: "%Y-%m-%dT%H:%M:%S.%LZ"',
    "    time_keep: on",
    "pipeline:",
    "  inputs:",
    ...STREAMS.flatMap((stream) => [
      "    - name: tail",
      `      tag: ekiben.${stream}`,
      `      path: ${yaml(`${directory}/${stream}.log`)}`,
      "      parser: ekiben",
      "      # How far it has read, also over a restart.",
      `      db: ${yaml(`${state}/${stream}.db`)}`,
      "      read_from_head: on",
      "      # A rotated file is read to its end for so many seconds.",
      "      rotate_wait: 30",
      "      # A line has up to 256 KiB; what is longer than this would stop the file.",
      "      buffer_chunk_size: 512k",
      "      buffer_max_size: 4M",
    ]),
    "  outputs:",
    ...outputs[output],
  );
}

function toVector({ directory, output, to, topic, state }: Facts): string {
  const outputs: Record<ShipperOutput, string[]> = {
    kafka: [
      "    type: kafka",
      `    bootstrap_servers: ${yaml(to)}`,
      `    topic: ${yaml(topic)}`,
      "    # All lines of one request go to one partition, in order.",
      `    key_field: ${yaml('."http.request.id"')}`,
      "    encoding: { codec: json }",
    ],
    elasticsearch: [
      "    type: elasticsearch",
      `    endpoints: ${yaml(to.split(","))}`,
      "    mode: bulk",
      `    bulk: { index: ${yaml(`${topic}-%Y.%m.%d`)} }`,
    ],
    file: ["    type: file", `    path: ${yaml(to)}`, "    encoding: { codec: json }"],
  };
  return lines(
    "# Vector 0.40 or later: vector --config-yaml <this file>",
    `data_dir: ${yaml(state)}`,
    "sources:",
    "  ekiben:",
    "    type: file",
    "    # Rotated files too: they are told by their first line, and read to their end.",
    `    include: [${STREAMS.flatMap((stream) => [
      `${directory}/${stream}.log`,
      `${directory}/${stream}-*.log`,
    ])
      .map(yaml)
      .join(", ")}]`,
    "    read_from: beginning",
    "    max_line_bytes: 1048576",
    "transforms:",
    "  parsed:",
    "    type: remap",
    "    inputs: [ekiben]",
    "    # The line as it is, in place of what Vector makes of it.",
    "    source: |",
    "      . = object!(parse_json!(string!(.message)))",
    "sinks:",
    "  out:",
    "    inputs: [parsed]",
    ...outputs[output],
  );
}

function toRsyslog({ directory, output, to, topic, state }: Facts): string {
  const [host, port] = splitAddress(to);
  const actions: Record<ShipperOutput, string[]> = {
    kafka: [
      `  action(type="omkafka" broker=[${to.split(",").map(quote).join(", ")}] topic=${quote(topic)} template="ekiben-line"`,
      '         action.resumeRetryCount="-1")',
    ],
    elasticsearch: [
      `  action(type="omelasticsearch" server=${quote(host)} serverport="${port ?? 9200}" searchIndex=${quote(topic)} searchType=""`,
      '         template="ekiben-line" bulkmode="on" action.resumeRetryCount="-1")',
    ],
    file: [`  action(type="omfile" file=${quote(to)} template="ekiben-line")`],
  };
  const needed = { kafka: ["omkafka"], elasticsearch: ["omelasticsearch"], file: [] }[output];
  return lines(
    "# rsyslog 8: put into /etc/rsyslog.d, or rsyslogd -n -f <this file> -i <file for its pid>",
    "# rsyslog would cut lines at 8 KiB; those of predictions have up to 256.",
    `global(workDirectory=${quote(state)} maxMessageSize="1m")`,
    'module(load="imfile" mode="inotify")',
    ...needed.map((name) => `module(load=${quote(name)})`),
    "# The line as it is, without what syslog puts in front.",
    'template(name="ekiben-line" type="string" string="%msg%\\n")',
    'ruleset(name="ekiben") {',
    ...actions[output],
    "}",
    "# The active file by its name: a rotated one is read to its end before the next. With a pattern for",
    "# both, its lines would come twice. Rotations should be seconds apart.",
    ...STREAMS.map(
      (stream) =>
        `input(type="imfile" file=${quote(`${directory}/${stream}.log`)} tag="ekiben-${stream}" ruleset="ekiben" addMetadata="off" persistStateInterval="100")`,
    ),
  );
}

function splitAddress(to: string): [host: string, port: string | undefined] {
  const [, host = to, port] = /^(?:https?:\/\/)?([^:/]+)(?::(\d+))?/.exec(to) ?? [];
  return [host, port];
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, String.raw`\$&`)}"`;
}

function lines(...all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}
