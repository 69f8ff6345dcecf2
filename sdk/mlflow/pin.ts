import { z } from "zod";

/** The file of a bundle that says which model it holds. */
export const PIN_FILE = "mlflow.json";

export const pinSchema = z.object({
  /** As it was written: it may have meant another version before, and after. */
  uri: z.string(),
  name: z.string().optional(),
  version: z.string().optional(),
  runId: z.string().optional(),
  modelId: z.string().optional(),
  /** The address of the server, without credentials. */
  server: z.string().optional(),
  flavor: z.enum(["onnx", "xgboost", "lightgbm"]),
  data: z.string(),
  mlflowVersion: z.string().optional(),
});

/** Which model an address meant when it was looked up, and how it is served. */
export type Pin = z.output<typeof pinSchema>;

/** What `/metadata` and the manifest say. The address of the server is nothing for clients. */
export function toProvenance(pin: Pin): Record<string, string> {
  const { server: _, data: __, ...told } = pin;
  return told;
}

/** What the model store says: the address as it was written, and the one that it meant then. */
export function toStoredProvenance(pin: Pin): Record<string, string> {
  const { uri, name, version, runId, modelId } = pin;
  return {
    source: "mlflow",
    uri,
    ...(name === undefined ? {} : { resolved: `models:/${name}/${version}` }),
    ...(runId === undefined ? {} : { runId }),
    ...(modelId === undefined ? {} : { modelId }),
  };
}

/** The model for messages: its name and version where it has them. */
export function printPin(pin: Pick<Pin, "uri" | "name" | "version">): string {
  return pin.name === undefined ? pin.uri : `${pin.name} version ${pin.version}`;
}
