import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** What a primary has to know of a bundle. */
export interface BundleFacts {
  readonly service: string;
  readonly version: string;
  /** `churn:20260101-120000-abcdef01` */
  readonly tag: string;
}

/** Name and version as the manifest says them; whether it is in order is for the workers to find. */
export async function readBundleFacts(directory: string): Promise<BundleFacts> {
  let read: { name?: unknown; version?: unknown } = {};
  try {
    read = JSON.parse(await readFile(join(directory, "ekiben.json"), "utf8")) as typeof read;
  } catch {
    // A worker will say what is wrong with it.
  }
  const service = String(read.name ?? "unknown");
  const version = String(read.version ?? "unknown");
  return { service, version, tag: `${service}:${version}` };
}
