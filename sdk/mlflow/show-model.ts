import { lookUp, type OpenModelOptions } from "./open-model.js";
import { chooseFlavor } from "./flavor.js";
import { readSignature, type MlflowSignature } from "./signature.js";
import { EkibenError } from "../core/errors.js";

/** What is known of a registered model without fetching its files. */
export interface ShownModel {
  readonly uri: string;
  readonly name?: string;
  readonly version?: string;
  readonly runId?: string;
  readonly modelId?: string;
  /** The flavors it was logged with. */
  readonly flavors: readonly string[];
  /** The one that is served; absent with `refused`. */
  readonly flavor?: string;
  /** Why it cannot be served from here, and the line of Python that changes that. */
  readonly refused?: string;
  readonly mlflowVersion?: string;
  readonly files: readonly { readonly path: string; readonly size?: number }[];
  readonly inputs?: MlflowSignature["inputs"];
  readonly outputs?: MlflowSignature["outputs"];
}

/**
 * Looks up what an address means now.
 * @throws MODEL_NOT_FOUND, MODEL_FILE_MISSING, REGISTRY_REFUSED, REGISTRY_UNREACHABLE
 */
export async function showModel(
  uri: string,
  base: string,
  options: OpenModelOptions = {},
): Promise<ShownModel> {
  const { found, where, listed, mlmodel } = await lookUp(uri, base, options);
  const { server: _, ...told } = found;
  const runId = found.runId ?? mlmodel.run_id;
  return {
    uri,
    ...told,
    ...(runId === undefined ? {} : { runId }),
    flavors: Object.keys(mlmodel.flavors),
    ...tryFlavor(),
    ...(mlmodel.mlflow_version === undefined ? {} : { mlflowVersion: mlmodel.mlflow_version }),
    files: listed,
    ...(await trySignature()),
  };

  function tryFlavor(): { flavor: string } | { refused: string } {
    try {
      return { flavor: chooseFlavor(mlmodel, where, options.flavor).flavor };
    } catch (error) {
      if (error instanceof EkibenError) return { refused: error.message };
      throw error;
    }
  }

  async function trySignature(): Promise<Pick<ShownModel, "inputs" | "outputs">> {
    try {
      const { inputs, outputs } = await readSignature(mlmodel, where, undefined);
      return { inputs, outputs };
    } catch (error) {
      // It may have been logged without one.
      if (error instanceof EkibenError) return {};
      throw error;
    }
  }
}
