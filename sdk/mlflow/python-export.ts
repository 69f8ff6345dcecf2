/**
 * The line of Python that logs a model in a form that is served here, for the flavor it has now.
 * MLflow 3 calls the path of a model `name`, MLflow 2 `artifact_path`.
 */
export function writeExport(
  flavors: Readonly<Record<string, unknown>>,
  mlflowVersion: string | undefined,
): string {
  const path = Number(mlflowVersion?.split(".")[0] ?? 3) < 3 ? "artifact_path" : "name";
  const log = (flavor: string, model: string, more = ""): string =>
    `mlflow.${flavor}.log_model(${model}, ${path}="model"${more}, signature=signature, registered_model_name="…")`;
  const has = (name: string): boolean => name in flavors;

  if (has("xgboost")) {
    return `Log it in Python with ${log("xgboost", "model", ', model_format="ubj"')}.`;
  }
  if (has("lightgbm")) {
    return `Log the booster in Python: ${log("lightgbm", "model.booster_")}.`;
  }
  if (has("sklearn")) {
    return `Log it in Python as ONNX: ${log("onnx", 'skl2onnx.to_onnx(model, X[:1], options={"zipmap": False})')}; leave options out for a regressor.`;
  }
  if (has("pytorch")) {
    return `Log it in Python as ONNX: torch.onnx.export(model, X[:1], "model.onnx"); ${log("onnx", 'onnx.load("model.onnx")')}.`;
  }
  if (has("tensorflow") || has("keras")) {
    return `Log it in Python as ONNX: ${log("onnx", "tf2onnx.convert.from_keras(model)[0]")}.`;
  }
  if (has("catboost")) {
    return `Log it in Python as ONNX: model.save_model("model.onnx", format="onnx"); ${log("onnx", 'onnx.load("model.onnx")')}.`;
  }
  return `Log the model that the Python function calls, as ONNX: ${log("onnx", "model")}; what the function does around it belongs into the handler.`;
}
