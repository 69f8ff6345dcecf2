import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { mlflow, type MlflowDefinition, type MlflowOptions } from "../../sdk/mlflow/mlflow.js";
import type { TestServer } from "./server.js";

/** A folder that is gone at the end of the test. */
export function makeCache(): string {
  const folder = mkdtempSync(join(tmpdir(), "ekiben-mlflow-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** A model of a server, with a cache of its own. */
export function open(
  { url }: Pick<TestServer, "url">,
  uri: string,
  options: MlflowOptions = {},
): MlflowDefinition {
  return mlflow(uri, { trackingUri: url, cache: makeCache(), ...options });
}
