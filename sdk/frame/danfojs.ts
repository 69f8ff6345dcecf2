import { createRequire } from "node:module";
import path from "node:path";
import type { DataFrame } from "danfojs-node";
import { EkibenError } from "../core/errors.js";

/** The part of danfojs-node that frames are built with. */
export interface Danfojs {
  readonly DataFrame: { readonly prototype: DataFrame } & typeof DataFrame;
}

const ownRequire = createRequire(import.meta.url);
const ENTRY = /[\\/]danfojs-node[\\/]dist[\\/]danfojs-node[\\/]src[\\/]index\.js$/;

let directory: string | undefined;
let found: Danfojs | undefined;
let used = false;

/** Looks for danfojs-node from this folder first, as a bundle that brings its own does. */
export function resolveDanfojsFrom(folder: string): void {
  directory = folder;
}

/** Whether a frame of this process was ever turned into a real DataFrame. */
export function danfojsWasUsed(): boolean {
  return used;
}

/**
 * The copy of danfojs-node that this process has loaded, by whomever, without loading it. A user's
 * own `import` comes first, so that `instanceof` holds for the class that the user sees.
 */
export function findLoadedDanfojs(): Danfojs | undefined {
  if (found !== undefined) return found;
  const files = Object.keys(ownRequire.cache).filter(isLoadedEntry);
  const file = files.length < 2 ? files[0] : (resolveCandidates().find(isLoadedEntry) ?? files[0]);
  if (file === undefined) return undefined;
  return (found = ownRequire.cache[file]!.exports as Danfojs);
}

/**
 * danfojs-node, required at the first call: that takes about a second and 110 MB.
 * @throws DEPENDENCY_MISSING when it is not installed.
 */
export function loadDanfojs(): Danfojs {
  used = true;
  const loaded = findLoadedDanfojs();
  if (loaded !== undefined) return loaded;
  const [file] = resolveCandidates();
  if (file === undefined) throw missing();
  try {
    return (found = ownRequire(file) as Danfojs);
  } catch (cause) {
    throw missing(cause);
  }
}

function isLoadedEntry(file: string): boolean {
  return ENTRY.test(file) && ownRequire.cache[file]?.loaded === true;
}

/** Where danfojs-node is installed: for the bundle, for the working folder, for this package. */
function resolveCandidates(): string[] {
  const files: string[] = [];
  for (const from of [directory, workingDirectory(), undefined]) {
    try {
      const require = from === undefined ? ownRequire : createRequire(path.join(from, "index.js"));
      files.push(require.resolve("danfojs-node"));
    } catch {
      continue;
    }
  }
  return files;
}

function workingDirectory(): string | undefined {
  try {
    return process.cwd();
  } catch {
    return undefined;
  }
}

function missing(cause?: unknown): EkibenError {
  const broken = cause === undefined ? "is not installed" : "is installed but cannot be loaded";
  return new EkibenError("DEPENDENCY_MISSING", {
    detail: `The handler uses its argument as a danfojs DataFrame, and danfojs-node ${broken}.`,
    hint:
      "Run `npm install danfojs-node`; its dependencies need these `overrides` in package.json: " +
      '{"danfojs-node": {"xlsx": "npm:@e965/xlsx@0.20.3", ' +
      '"@tensorflow/tfjs-node": "npm:@tensorflow/tfjs@4.22.0", ' +
      '"request": "npm:@cypress/request@3.0.10"}}.',
    ...(cause === undefined ? {} : { cause }),
  });
}
