export { EkibenError, ERROR_CATALOGUE, type ErrorCode, type Problem } from "./core/errors.js";
export {
  NOTEBOOK_HOST,
  type CellRecord,
  type DisplayData,
  type NotebookHost,
} from "./core/cell-record.js";
