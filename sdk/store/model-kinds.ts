// In a file of its own: the command line names them without loading what checks records.
export const MODEL_KINDS = ["xgboost", "lightgbm", "onnx", "tfjs", "files"] as const;
/** What reads the files of a stored model. */
export type StoredKind = (typeof MODEL_KINDS)[number];
