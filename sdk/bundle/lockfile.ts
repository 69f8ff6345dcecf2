import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { readPackage } from "./packages.js";

/** An entry of `packages` in a package-lock.json of version 2 or 3. */
export interface LockEntry {
  name?: string;
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  inBundle?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  [other: string]: unknown;
}

export interface Lockfile {
  /** The file itself. */
  readonly file: string;
  /** The folder to which the paths of the entries are relative. */
  readonly root: string;
  readonly packages: Readonly<Record<string, LockEntry>>;
}

/** What a closure takes over of each entry; `resolved` would tie it to one registry. */
const KEPT = [
  "name",
  "version",
  "integrity",
  "inBundle",
  "hasInstallScript",
  "license",
  "dependencies",
  "optionalDependencies",
  "peerDependencies",
  "peerDependenciesMeta",
  "bin",
  "engines",
  "os",
  "cpu",
  "libc",
] as const;

/**
 * The lockfiles that may describe what is installed in and above a folder, nearest first. The one
 * in the project knows other platforms as well; the hidden one is what npm really installed.
 */
export function findLockfiles(from: string): Lockfile[] {
  const found: Lockfile[] = [];
  for (let root = from; ; root = dirname(root)) {
    for (const path of ["package-lock.json", join("node_modules", ".package-lock.json")]) {
      const file = join(root, path);
      if (!existsSync(file)) continue;
      const { packages } = JSON.parse(readFileSync(file, "utf8")) as Partial<Lockfile>;
      if (packages !== undefined) found.push({ file, root, packages });
    }
    if (dirname(root) === root) return found;
  }
}

/** A closure by path, or why the lockfile cannot give one. */
export type Cut =
  | { readonly closure: Record<string, LockEntry>; readonly fault?: undefined }
  | { readonly fault: string };

/**
 * Cuts the closure of some packages out of a lockfile, as it would stand in a folder that depends
 * on these alone.
 * @param names The packages, as imports in `from` mean them.
 */
export function cutClosure(lock: Lockfile, names: readonly string[], from: string): Cut {
  const start = relative(lock.root, from).split(sep).join("/");
  const required = new Set<string>();
  const optional = new Set<string>();
  const pending: { at: string; required: boolean }[] = [];
  const visit = (at: string, isRequired: boolean): void => {
    if (required.has(at) || (!isRequired && optional.has(at))) return;
    (isRequired ? required : optional).add(at);
    pending.push({ at, required: isRequired });
  };

  for (const name of names) {
    const at = findEntry(lock, name, start);
    if (at === undefined) return { fault: `it does not know ${name}` };
    visit(at, true);
  }
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { at } = next;
    const entry = lock.packages[at]!;
    const installed = readPackage(at, join(lock.root, at))?.version;
    if (installed !== undefined && installed !== entry.version) {
      return { fault: `it has ${nameOf(at)} ${entry.version}, but ${installed} is installed` };
    }
    for (const [name, isRequired] of edges(entry)) {
      const to = findEntry(lock, name, at);
      if (to !== undefined) visit(to, next.required && isRequired === true);
      else if (isRequired === true) return { fault: `it lacks ${name}, which ${nameOf(at)} needs` };
    }
  }

  const closure: Record<string, LockEntry> = {};
  for (const at of [...required, ...optional].sort()) {
    const place = at.slice(at.indexOf("node_modules/"));
    const entry = keep(lock.packages[at]!, !required.has(at));
    const other = closure[place];
    if (other !== undefined && other.version !== entry.version) {
      return { fault: `it has two versions of ${nameOf(at)} that would be in one place` };
    }
    closure[place] = entry;
  }
  return { closure };
}

/** The packages an entry needs; `undefined` marks a peer that may be absent. */
function* edges(entry: LockEntry): Generator<[name: string, required: boolean | undefined]> {
  for (const name of Object.keys(entry.dependencies ?? {})) yield [name, true];
  for (const name of Object.keys(entry.optionalDependencies ?? {})) yield [name, false];
  for (const name of Object.keys(entry.peerDependencies ?? {})) {
    if (entry.peerDependenciesMeta?.[name]?.optional !== true) yield [name, true];
  }
}

/** Looks a package up as Node does: in the dependent's own node_modules, then upwards. */
function findEntry(lock: Lockfile, name: string, from: string): string | undefined {
  const parts = from === "" ? [] : from.split("/");
  for (let length = parts.length; length >= 0; length--) {
    if (parts[length - 1] === "node_modules") continue;
    const at = [...parts.slice(0, length), "node_modules", name].join("/");
    const entry = lock.packages[at];
    if (entry !== undefined && entry.link !== true) return at;
  }
  return undefined;
}

/** Whether a package came from a place that a version number does not name. */
export function isOutsideRegistry(resolved: string | undefined): boolean {
  if (resolved === undefined) return false;
  return !/^https?:/.test(resolved) || !resolved.includes("/-/");
}

function keep(entry: LockEntry, optional: boolean): LockEntry {
  const kept: LockEntry = Object.fromEntries(
    KEPT.filter((key) => entry[key] !== undefined).map((key) => [key, entry[key]]),
  );
  if (isOutsideRegistry(entry.resolved)) kept.resolved = entry.resolved!;
  if (optional) kept["optional"] = true;
  return kept;
}

function nameOf(at: string): string {
  return at.slice(at.lastIndexOf("node_modules/") + "node_modules/".length);
}
