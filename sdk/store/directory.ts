import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** `EKIBEN_HOME`, or `.ekiben` in the home of the user. */
export function findStoreDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const home = env["EKIBEN_HOME"];
  return home === undefined || home === "" ? join(homedir(), ".ekiben") : resolve(home);
}
