import { EkibenError } from "../core/errors.js";

/** Windows opens these as devices in any folder and with any extension. */
const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u001f\\:*?"<>|]/;

/**
 * Why a path may not stand in a bundle, or `undefined` when it may: relative, with `/`, below the
 * folder, and a name on every system.
 */
export function findPathFault(path: string): string | undefined {
  if (path === "") return "it is empty";
  if (path.length > 500) return "it is longer than 500 characters";
  if (path.startsWith("/")) return "it is absolute";
  if (FORBIDDEN.test(path))
    return "it has a character that is not allowed in file names everywhere";
  for (const part of path.split("/")) {
    if (part === "" || part === ".") return "it is not in its plain form";
    if (part === "..") return "it leads out of the bundle";
    if (part.endsWith(".") || part.endsWith(" ")) return "a part ends with a dot or a space";
    if (DEVICES.test(part)) return `${part} is the name of a device on Windows`;
  }
  return undefined;
}

/** @throws BUILD_FAILED when a file cannot have this path in a bundle. */
export function checkBundlePath(path: string): string {
  const fault = findPathFault(path);
  if (fault === undefined) return path;
  throw new EkibenError("BUILD_FAILED", {
    detail: `The file ${JSON.stringify(path)} cannot be in a bundle: ${fault}.`,
    hint: "Rename the file.",
  });
}
