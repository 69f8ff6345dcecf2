import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { ALLOW_SCRIPTS, NPMRC, OVERRIDES } from "../bundle/npm-settings.js";
import { EkibenError } from "../core/errors.js";
import { findPackageVersion } from "../http/package-version.js";

export interface InitReport {
  /** What was written, one line each. */
  changes: string[];
  /** What is there already and says something else. */
  warnings: string[];
}

type Json = { [key: string]: unknown };

const TSCONFIG = {
  compilerOptions: {
    target: "ES2022",
    module: "ESNext",
    moduleResolution: "Bundler",
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    esModuleInterop: true,
    resolveJsonModule: true,
  },
};

/**
 * Makes a folder one in which `npm install` and notebooks work. What is there already is kept:
 * only what is absent is added, and what contradicts is reported.
 */
export async function initProject(folder: string): Promise<InitReport> {
  const report: InitReport = { changes: [], warnings: [] };
  await mkdir(folder, { recursive: true });
  await initPackageJson(folder, report);
  await initNpmrc(folder, report);
  if ((await read(join(folder, "tsconfig.json"))) === undefined) {
    await writeFile(join(folder, "tsconfig.json"), print(TSCONFIG));
    report.changes.push("wrote tsconfig.json, for editors");
  }
  return report;
}

async function initPackageJson(folder: string, report: InitReport): Promise<void> {
  const file = join(folder, "package.json");
  const text = await read(file);
  const present = text === undefined ? {} : parse(file, text);
  const wanted: Json = {
    ...(text === undefined
      ? { name: toPackageName(basename(folder)), private: true, type: "module" }
      : {}),
    dependencies: { ekiben: `^${findPackageVersion()}`, "danfojs-node": "^1.2.0" },
    devDependencies: { tslab: "^1.0.22" },
    overrides: OVERRIDES,
    allowScripts: ALLOW_SCRIPTS,
  };
  // A dependency may stand in any of these; in which one is the project's own affair.
  for (const group of ["dependencies", "devDependencies"] as const) {
    const names = wanted[group] as Json;
    for (const other of ["dependencies", "devDependencies", "optionalDependencies"]) {
      for (const name of Object.keys((present[other] as Json | undefined) ?? {})) {
        if (other !== group) delete names[name];
      }
    }
    if (Object.keys(names).length === 0) delete wanted[group];
  }
  if (text === undefined) {
    await writeFile(file, print(wanted));
    report.changes.push("wrote package.json");
    return;
  }
  const merged = merge(present, wanted, "", report);
  if (JSON.stringify(merged) !== JSON.stringify(present)) {
    await writeFile(file, print(merged, text));
  }
}

/** Adds what is absent. A value that is there stays, whatever it is. */
function merge(present: Json, wanted: Json, path: string, report: InitReport): Json {
  const merged: Json = { ...present };
  for (const [key, value] of Object.entries(wanted)) {
    const at = path === "" ? key : `${path} ${key}`;
    const before = merged[key];
    if (before === undefined) {
      merged[key] = value;
      report.changes.push(`added ${at} to package.json`);
    } else if (isObject(before) && isObject(value)) {
      merged[key] = merge(before, value, at, report);
    } else if (before !== value && !/^(dev)?[dD]ependencies /.test(at)) {
      report.warnings.push(
        `package.json has ${at} ${JSON.stringify(before)}; ekiben would write ${JSON.stringify(value)}.`,
      );
    }
  }
  return merged;
}

async function initNpmrc(folder: string, report: InitReport): Promise<void> {
  const file = join(folder, ".npmrc");
  const text = (await read(file)) ?? "";
  const [key] = NPMRC.trim().split("=");
  const line = text.split(/\r?\n/).find((one) => one.split("=")[0]!.trim() === key);
  if (line === undefined) {
    const before = text === "" || text.endsWith("\n") ? text : `${text}\n`;
    await writeFile(file, before + NPMRC);
    report.changes.push(`added ${NPMRC.trim()} to .npmrc`);
  } else if (line.replaceAll(" ", "") !== NPMRC.trim()) {
    report.warnings.push(`.npmrc has ${line}; ekiben would write ${NPMRC.trim()}.`);
  }
}

async function read(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function parse(file: string, text: string): Json {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ""));
    if (isObject(value)) return value;
  } catch (cause) {
    throw new EkibenError("COMMAND_INVALID", {
      detail: `${file} is not JSON: ${(cause as Error).message}.`,
      hint: "Mend it and run the command again; nothing was changed.",
      cause,
    });
  }
  throw new EkibenError("COMMAND_INVALID", { detail: `${file} does not hold an object.` });
}

/** In the indentation that the file has. */
function print(value: Json, like = ""): string {
  const indent = /^([ \t]+)"/m.exec(like)?.[1] ?? "  ";
  return `${JSON.stringify(value, null, indent)}\n`;
}

function toPackageName(folder: string): string {
  const name = folder.toLowerCase().replaceAll(/[^a-z0-9._-]+/g, "-");
  return name.replace(/^[._-]+/, "") || "predictions";
}

function isObject(value: unknown): value is Json {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
