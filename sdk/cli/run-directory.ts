import { join } from "node:path";
import { findStoreDirectory } from "../store/directory.js";

/** The folder in which running servers tell where commands reach them. */
export function findRunDirectory(): string {
  return join(findStoreDirectory(), "run");
}
