import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const require = createRequire(import.meta.url);

describe("the public surface", () => {
  it("exports exactly these values", async () => {
    const entry = (await import("ekiben")) as Record<string, unknown>;
    const found = Object.keys(entry)
      .sort()
      .map((name) => `${name}: ${typeof entry[name]}`);
    expect(found).toMatchInlineSnapshot(`
      [
        "ERROR_CATALOGUE: object",
        "EkibenError: function",
        "Frame: function",
        "NOTEBOOK_HOST: symbol",
        "apiKey: function",
        "bearerAuth: function",
        "bytesOutput: function",
        "cors: function",
        "dataframe: function",
        "dataframeOutput: function",
        "defineInput: function",
        "defineService: function",
        "eventStream: function",
        "file: function",
        "findModelVersions: function",
        "form: function",
        "frameOf: function",
        "image: function",
        "imageOutput: function",
        "json: function",
        "jsonOutput: function",
        "lightgbm: function",
        "logBundle: function",
        "mlflow: function",
        "model: function",
        "models: object",
        "ndjsonStream: function",
        "onnx: function",
        "reject: function",
        "reviveValues: function",
        "saveTfjs: function",
        "tensor: function",
        "tensorOutput: function",
        "text: function",
        "textOutput: function",
        "tfjs: function",
        "toDataFrame: function",
        "xgboost: function",
        "z: object",
      ]
    `);
  });

  it("exports exactly these types", () => {
    const text = readFileSync(require.resolve("ekiben").replace(/\.js$/, ".d.ts"), "utf8");
    const types = Array.from(text.matchAll(/\btype ([A-Z]\w*)\b(?=[,\s}])/g), (match) => match[1]!);
    const named = Array.from(text.matchAll(/export type \{([^}]*)\}/g), (match) =>
      match[1]!.split(",").map((name) => name.trim()),
    ).flat();
    expect([...new Set([...types, ...named])].filter(Boolean).sort()).toMatchInlineSnapshot(`
      [
        "AfterHook",
        "AnyStoredModel",
        "ApiContract",
        "ApiDefinition",
        "ApiKeyOptions",
        "ApiOptions",
        "ApiShape",
        "BatchOptions",
        "BearerAuthOptions",
        "BeforeHook",
        "BytesItem",
        "Calls",
        "CaptureLine",
        "CellRecord",
        "CheckedInputOptions",
        "Client",
        "ClientCall",
        "ClientCallOptions",
        "ClientErrorCode",
        "ClientHeaders",
        "ClientOptions",
        "ClientStream",
        "Column",
        "Columns",
        "Context",
        "CorsOptions",
        "CounterMetric",
        "CsvConventions",
        "DamagedModel",
        "DataFrameLike",
        "DataFrameOptions",
        "DataFrameOutputOptions",
        "DefineInputOptions",
        "DevServer",
        "DevServerOptions",
        "DisplayData",
        "DownloadProgress",
        "EmptyShape",
        "ErrorCode",
        "ErrorFacts",
        "ErrorHook",
        "FailedRequest",
        "FileModelOptions",
        "FileOptions",
        "FindVersionsOptions",
        "FormOptions",
        "GaugeMetric",
        "HistogramMetric",
        "HistogramOptions",
        "ImageFile",
        "ImageItem",
        "ImageOptions",
        "ImageOutputOptions",
        "ImageSize",
        "ImportModelOptions",
        "Input",
        "InputContent",
        "InputRequest",
        "Issue",
        "ItemOf",
        "JavaScriptModel",
        "JsonModelOptions",
        "LifecycleContext",
        "LightgbmModel",
        "LightgbmOptions",
        "LiveTfjsModel",
        "LoadedModel",
        "Log",
        "LogBundleOptions",
        "LogFields",
        "LoggedBundle",
        "ManyInputOptions",
        "MetricLabels",
        "MetricOptions",
        "Metrics",
        "MlflowConnection",
        "MlflowCredentials",
        "MlflowDefinition",
        "MlflowLogOptions",
        "MlflowModel",
        "MlflowOptions",
        "MlflowSignature",
        "ModelContent",
        "ModelDefinition",
        "ModelDescription",
        "ModelFacts",
        "ModelFile",
        "ModelHooks",
        "ModelLoadContext",
        "ModelVersion",
        "Models",
        "NestedList",
        "NotebookHost",
        "OneInputOptions",
        "OnnxModel",
        "OnnxOptions",
        "Output",
        "OutputBody",
        "OutputContent",
        "OutputFormat",
        "OutputRows",
        "OutputSlice",
        "OutputTensor",
        "Outputs",
        "Override",
        "Payload",
        "Problem",
        "ReadAnswer",
        "ReadForm",
        "Rejection",
        "RequestBody",
        "RequestHeaders",
        "RequestItem",
        "ResultOf",
        "SaveOptions",
        "SavedBundle",
        "SavedModelOptions",
        "SentFile",
        "SentForm",
        "SentImage",
        "Service",
        "ServiceContract",
        "ServiceDefinition",
        "ServiceOptions",
        "ServiceShape",
        "ShapedElements",
        "Simplify",
        "SingleOutput",
        "StoreModelOptions",
        "StoredFilesOptions",
        "StoredJsonOptions",
        "StoredKindOptions",
        "StoredModel",
        "StreamsOf",
        "TensorArray",
        "TensorDescription",
        "TensorItem",
        "TensorOptions",
        "TensorOutputOptions",
        "TfjsModel",
        "TfjsOptions",
        "UploadedFile",
        "WrappedInputOptions",
        "XGBoostModel",
        "XGBoostOptions",
      ]
    `);
  });

  it("can be required from CommonJS, as a kernel does, without a warning", () => {
    const program = `const { defineService } = require("ekiben"); console.log(typeof defineService);`;
    const output = execFileSync(process.execPath, ["-e", program], {
      cwd: new URL("../..", import.meta.url),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(output).toBe("function\n");
  });

  it("loads neither danfojs, tslab, onnxruntime nor a bundler before they are needed", () => {
    const program = `
      require("ekiben");
      const heavy = /node_modules[\\\\/](danfojs-node|tslab|onnxruntime-node|esbuild|zeromq|oxc-parser|sharp|yaml)[\\\\/]/;
      console.log(JSON.stringify(Object.keys(require.cache).filter((file) => heavy.test(file))));`;
    const output = execFileSync(process.execPath, ["-e", program], {
      cwd: new URL("../..", import.meta.url),
      encoding: "utf8",
    });
    expect(JSON.parse(output)).toEqual([]);
  });
});
