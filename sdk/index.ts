// Declaring a service
export { defineService } from "./notebook/define-service.js";
export type { ServiceOptions } from "./service/define-service.js";
export type {
  ApiOptions,
  ApiShape,
  Calls,
  Columns,
  DataFrameLike,
  EmptyShape,
  Outputs,
  Override,
  Service,
  Simplify,
} from "./service/infer.js";
export type {
  Context,
  LifecycleContext,
  RequestHeaders,
  RequestItem,
  ServiceShape,
} from "./service/context.js";
export type {
  AfterHook,
  ApiDefinition,
  BatchOptions,
  BeforeHook,
  ErrorHook,
  FailedRequest,
  ServiceDefinition,
} from "./service/definition.js";
export type {
  CaptureLine,
  DevServer,
  DevServerOptions,
  SavedBundle,
  SaveOptions,
} from "./service/faces.js";
export { z } from "zod";

// Middlewares for `.use()`
export { apiKey, type ApiKeyOptions } from "./http/guards/api-key.js";
export { bearerAuth, type BearerAuthOptions } from "./http/guards/bearer-auth.js";
export { cors, type CorsOptions } from "./http/guards/cors.js";
export { rateLimit, type RateLimitOptions } from "./http/guards/rate-limit.js";

// Inputs
export { dataframe } from "./inputs/dataframe.js";
export type { CsvConventions, DataFrameOptions } from "./inputs/dataframe-options.js";
export { json } from "./inputs/json.js";
export { image } from "./inputs/image.js";
export type { ImageFile, SentImage } from "./inputs/image.js";
export type { ImageOptions, ImageSize } from "./inputs/image-options.js";
export { tensor } from "./inputs/tensor.js";
export type { TensorOptions } from "./inputs/tensor.js";
export { defineInput } from "./inputs/define-input.js";
export type {
  CheckedInputOptions,
  DefineInputOptions,
  ManyInputOptions,
  OneInputOptions,
  WrappedInputOptions,
} from "./inputs/define-input.js";
export type { InputRequest } from "./inputs/input-request.js";
export { file } from "./inputs/file.js";
export type { FileOptions, SentFile } from "./inputs/file.js";
export type { UploadedFile } from "./inputs/uploaded-file.js";
export { form } from "./inputs/form.js";
export type { FormOptions, ReadForm, SentForm } from "./inputs/form.js";
export { text } from "./inputs/text.js";
export { reject, type Rejection } from "./core/rejection.js";
export type { Input, InputContent, Payload, RequestBody } from "./inputs/input.js";

// Outputs
export { bytesOutput } from "./outputs/bytes-output.js";
export { dataframeOutput } from "./outputs/dataframe-output.js";
export { eventStream } from "./outputs/event-stream.js";
export { imageOutput } from "./outputs/image-output.js";
export { jsonOutput } from "./outputs/json-output.js";
export { ndjsonStream } from "./outputs/ndjson-stream.js";
export { tensorOutput } from "./outputs/tensor-output.js";
export { textOutput } from "./outputs/text-output.js";
export type { BytesItem } from "./outputs/bytes-output.js";
export type { DataFrameOutputOptions, OutputRows } from "./outputs/dataframe-output.js";
export type { ImageItem, ImageOutputOptions } from "./outputs/image-output.js";
export type { NestedList, TensorItem, TensorOutputOptions } from "./outputs/tensor-output.js";
export type {
  ItemOf,
  Output,
  OutputBody,
  OutputContent,
  OutputFormat,
  OutputSlice,
  ReadAnswer,
  ResultOf,
  ShapedElements,
  SingleOutput,
  StreamsOf,
} from "./outputs/output.js";

// Models
export { lightgbm } from "./models/lightgbm.js";
export type { LightgbmModel, LightgbmOptions } from "./models/lightgbm.js";
export { model } from "./models/javascript.js";
export type {
  FileModelOptions,
  JavaScriptModel,
  JsonModelOptions,
  ModelHooks,
  SavedModelOptions,
} from "./models/javascript.js";
export { onnx } from "./models/onnx.js";
export type { OnnxOptions } from "./models/onnx.js";
export type { OnnxModel } from "./models/onnx-model.js";
export type { OutputTensor } from "./models/output-tensor.js";
export { saveTfjs, tfjs } from "./models/tfjs.js";
export type { LiveTfjsModel, TfjsModel, TfjsOptions } from "./models/tfjs.js";
export { xgboost } from "./models/xgboost.js";
export type { XGBoostModel, XGBoostOptions } from "./models/xgboost.js";
export type {
  LoadedModel,
  ModelContent,
  ModelDefinition,
  ModelDescription,
  ModelFile,
  ModelLoadContext,
} from "./models/model.js";
export { models } from "./store/models.js";
export type {
  AnyStoredModel,
  DamagedModel,
  ImportModelOptions,
  Models,
  StoredFilesOptions,
  StoredJsonOptions,
  StoredKindOptions,
  StoredModel,
  StoreModelOptions,
} from "./store/models.js";
export type { ModelFacts } from "./store/model-facts.js";
export type { TensorArray } from "./tensor/tensor-array.js";
export type { TensorDescription } from "./tensor/tensor.js";

export { mlflow } from "./mlflow/mlflow.js";
export type { MlflowDefinition, MlflowModel, MlflowOptions } from "./mlflow/mlflow.js";
export type { MlflowConnection, MlflowCredentials } from "./mlflow/settings.js";
export type { MlflowSignature } from "./mlflow/signature.js";
export { findModelVersions } from "./mlflow/find-versions.js";
export type { FindVersionsOptions, ModelVersion } from "./mlflow/registry.js";
export { logBundle } from "./mlflow/log-bundle.js";
export type { LogBundleOptions } from "./mlflow/log-bundle.js";
export type { LoggedBundle, MlflowLogOptions } from "./service/faces.js";
export type { DownloadProgress } from "./mlflow/download.js";

// Frames
export { Frame } from "./frame/frame.js";
export { frameOf, toDataFrame } from "./frame/lazy-data-frame.js";
export type { Column } from "./frame/column.js";

// Logs and metrics
export type { Log, LogFields } from "./observability/log.js";
export type { LogRecord, RecordHook } from "./observability/records/record.js";
export type { RecordOptions } from "./service/record-options.js";
export type {
  CounterMetric,
  GaugeMetric,
  HistogramMetric,
  HistogramOptions,
  MetricLabels,
  MetricOptions,
  Metrics,
} from "./observability/metrics.js";

// Calling a service from elsewhere
export type {
  ApiContract,
  Client,
  ClientCall,
  ClientCallOptions,
  ClientErrorCode,
  ClientHeaders,
  ClientOptions,
  ClientStream,
  ServiceContract,
} from "./client/index.js";

// Errors
export {
  EkibenError,
  ERROR_CATALOGUE,
  type ErrorCode,
  type ErrorFacts,
  type Issue,
  type Problem,
} from "./core/errors.js";

// What a kernel that records cells publishes, and what a saved program reads its values with
export {
  NOTEBOOK_HOST,
  type CellRecord,
  type DisplayData,
  type NotebookHost,
} from "./core/cell-record.js";
export { reviveValues } from "./bundle/values.js";
