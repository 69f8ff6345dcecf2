import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EkibenError } from "../../core/errors.js";
import { printAlerts } from "./alerts.js";
import { printDashboard } from "./dashboard.js";
import { printScrapeConfig } from "./scrape-config.js";

/**
 * Writes the dashboard, the alerts and a configuration for Prometheus into a folder, and answers
 * their paths.
 * @throws COMMAND_INVALID when one of them is there, unless it may be overwritten
 */
export async function writeMonitoring(
  folder: string,
  { overwrite }: { overwrite: boolean },
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const files = [
    ["ekiben-dashboard.json", printDashboard()],
    ["ekiben-alerts.yaml", printAlerts()],
    ["prometheus.yaml", printScrapeConfig()],
  ] as const;
  const paths: string[] = [];
  for (const [name, text] of files) {
    const path = join(folder, name);
    try {
      await writeFile(path, text, { flag: overwrite ? "w" : "wx" });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
      throw new EkibenError("COMMAND_INVALID", {
        detail: `${path} is there already.`,
        hint: "Choose another folder with --out, or overwrite it with --force.",
        received: path,
        cause,
      });
    }
    paths.push(path);
  }
  return paths;
}
