import type { Command } from "commander";
import { serveTag } from "../serve-tag.js";
import { addSettingOptions, readSettingFlags } from "../setting-options.js";

/** `ekiben serve`. */
export function addServe(program: Command): void {
  const command = program
    .command("serve")
    .description("serve a bundle")
    .argument("<bundle>", "a tag such as churn:latest, a folder, or an archive");
  addSettingOptions(command).action(async (target: string, options: Record<string, unknown>) => {
    const { resolveSettings } = await import("../../server/settings/resolve.js");
    const sources = { ...readSettingFlags(options), env: process.env };
    await serveTag(target, () => resolveSettings(sources));
  });
}
