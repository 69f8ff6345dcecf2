import { z } from "zod";
import { EkibenError } from "../core/errors.js";

export const MLMODEL_FILE = "MLmodel";

const flavor = z.record(z.string(), z.unknown());
// MLflow writes null for what a model does not have.
const text = z
  .string()
  .nullish()
  .transform((one) => one ?? undefined);

// Members that are not read here come and go between versions of MLflow.
const mlmodel = z.object({
  flavors: z.record(
    z.string(),
    flavor.nullable().transform((one) => one ?? {}),
  ),
  signature: z
    .object({ inputs: text, outputs: text, params: text })
    .nullish()
    .transform((one) => one ?? undefined),
  mlflow_version: text,
  run_id: text,
  model_id: text,
  saved_input_example_info: z
    .object({ artifact_path: z.string() })
    .nullish()
    .transform((one) => one ?? undefined),
});

/** What the file `MLmodel` says of a model. */
export type MlModel = z.output<typeof mlmodel>;

/**
 * Reads the text of an `MLmodel`: YAML, in which the signature is JSON.
 * @param where The file, for messages.
 * @throws MODEL_FILE_INVALID
 */
export async function parseMlModel(yaml: string, where: string): Promise<MlModel> {
  // Only who has such a model waits for the parser.
  const { parse } = await import("yaml");
  let data: unknown;
  try {
    // A file of a few bytes could name one node in another for ever.
    data = parse(yaml, { maxAliasCount: 100, logLevel: "error" });
  } catch (cause) {
    throw invalid(where, `is not YAML: ${(cause as Error).message.split("\n")[0]}`, cause);
  }
  const parsed = mlmodel.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(where, `is not one of MLflow: ${issue!.path.join(".")}: ${issue!.message}`);
}

function invalid(where: string, what: string, cause?: unknown): EkibenError {
  return new EkibenError("MODEL_FILE_INVALID", {
    detail: `${where} ${what}.`,
    hint: "Log the model again with mlflow.<flavor>.log_model(…).",
    ...(cause === undefined ? {} : { cause }),
  });
}
