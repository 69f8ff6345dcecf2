import { resolve } from "node:path";
import { Option, type Command } from "commander";
import {
  SHIPPER_OUTPUTS,
  SHIPPERS,
  type Shipper,
  type ShipperOutput,
} from "../../deploy/shippers.js";

interface ShipperCommandOptions {
  dir: string;
  output: ShipperOutput;
  to?: string;
  topic: string;
  state: string;
}

const PLACES: Readonly<Record<ShipperOutput, string>> = {
  kafka: "127.0.0.1:9092",
  elasticsearch: "http://127.0.0.1:9200",
  file: "/var/log/ekiben-shipped.log",
};

/** `ekiben logs`. */
export function addLogs(program: Command): void {
  const logs = program.command("logs").description("what has to do with the logs of a server");
  logs
    .command("shipper")
    .description(`print a configuration that ships the files of --log-dir: ${SHIPPERS.join(", ")}`)
    .argument("<shipper>", SHIPPERS.join(", "))
    .option("--dir <folder>", "the folder of the logs", "/var/log/ekiben")
    .addOption(
      new Option("--output <kind>", "where lines go").choices(SHIPPER_OUTPUTS).default("kafka"),
    )
    .option("--to <place>", "brokers, an address, or a path")
    .option("--topic <name>", "the topic, or the beginning of the index", "ekiben")
    .option("--state <folder>", "where it keeps how far it has read", "/var/lib/ekiben-shipper")
    .action(async (shipper: string, options: ShipperCommandOptions) => {
      const { toShipperConfig } = await import("../../deploy/shippers.js");
      if (!(SHIPPERS as readonly string[]).includes(shipper)) {
        const { EkibenError } = await import("../../core/errors.js");
        throw new EkibenError("COMMAND_INVALID", {
          detail: `There is no configuration for ${shipper}.`,
          hint: `There are ${SHIPPERS.join(", ")}; all others that read lines of JSON from files will do.`,
          received: shipper,
        });
      }
      const { output, topic, state } = options;
      const directory = resolve(options.dir);
      const to = options.to ?? PLACES[output];
      const config = toShipperConfig(shipper as Shipper, { directory, output, to, topic, state });
      process.stdout.write(config);
    });
}
