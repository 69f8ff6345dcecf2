import type { Command } from "commander";

/** `ekiben metrics`. */
export function addMetrics(program: Command): void {
  program
    .command("metrics")
    .description("write what Prometheus and Grafana need")
    .command("dashboard")
    .description("write a dashboard for Grafana and alerts for Prometheus")
    .option("-o, --out <folder>", "where to write them", ".")
    .option("--force", "overwrite files that are there")
    .action(async ({ out, force }: { out: string; force?: boolean }) => {
      const { writeMonitoring } = await import("../../deploy/monitoring/write-monitoring.js");
      for (const path of await writeMonitoring(out, { overwrite: force === true })) {
        console.log(path);
      }
      console.error(
        "Import the dashboard in Grafana, and name the other two in the configuration of Prometheus.",
      );
    });
}
