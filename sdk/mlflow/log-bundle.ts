import { checkKeys } from "../service/check-keys.js";
import type { LoggedBundle, MlflowLogOptions } from "../service/faces.js";
import type { MlflowConnection } from "./settings.js";

export interface LogBundleOptions extends MlflowLogOptions, MlflowConnection {}

const OPTIONS: readonly string[] = [
  "run",
  "experiment",
  "registerAs",
  "tags",
  "trackingUri",
  "registryUri",
  "credentials",
  "insecureTls",
  "timeoutMs",
];
/**
 * Logs the archive of a bundle as an artifact of a run, and registers it as a version of a model when
 * a name is given. Without a run a new one is made, and finished.
 * @param bundle A saved bundle, or its folder.
 * @throws REGISTRY_REFUSED, REGISTRY_UNREACHABLE; BUNDLE_NOT_FOUND and BUNDLE_CORRUPT.
 * @example await logBundle(await churn.save(), { experiment: "churn", registerAs: "churn-service" })
 */
export async function logBundle(
  bundle: string | { readonly directory: string },
  options: LogBundleOptions = {},
): Promise<LoggedBundle> {
  checkKeys("logBundle()", options, OPTIONS);
  // The client of MLflow is for notebooks: no server that starts has to load it.
  const { sendBundle } = await import("./send-bundle.js");
  return sendBundle(bundle, options);
}
