import type { EngineKind } from "./engine.js";

type AnyEngine = EngineKind<any, unknown, any, unknown>;

/** Every engine that a worker thread can open, by its name; each is loaded only where it is needed. */
export const ENGINES: Readonly<Record<string, () => Promise<AnyEngine>>> = {
  lightgbm: async () => (await import("./lightgbm-engine.js")).lightgbmEngine,
  onnx: async () => (await import("./onnx-engine.js")).onnxEngine,
  tfjs: async () => (await import("./tfjs-engine.js")).tfjsEngine,
  xgboost: async () => (await import("./xgboost-engine.js")).xgboostEngine,
};
