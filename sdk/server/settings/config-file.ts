import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Document, isMap, LineCounter, Node, ParsedNode } from "yaml";
import { findClosestName } from "../../core/closest-name.js";
import { EkibenError, type Issue } from "../../core/errors.js";

/** A value of a configuration file, and where it stands: `ekiben.yaml:3:9`. */
export interface FileValue {
  readonly value: unknown;
  readonly place: string;
}

/**
 * Reads a configuration file in YAML, or JSON, which is YAML too.
 * @throws SETTING_INVALID, with every unknown key and its place.
 */
export async function readConfigFile(
  path: string,
  names: readonly string[],
): Promise<Map<string, FileValue>> {
  let source: string;
  try {
    source = await readFile(path, "utf8");
  } catch (cause) {
    throw new EkibenError("SETTING_INVALID", {
      detail: `The configuration file ${path} cannot be read.`,
      hint: "Check its path and its permissions.",
      received: path,
      cause,
    });
  }
  // Loaded only now: most servers are configured without a file.
  const { isMap, LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const [fault] = document.errors;
  if (fault !== undefined) {
    throw new EkibenError("SETTING_INVALID", {
      detail: `${toPlace(path, lines, fault.pos[0])}: ${fault.message}.`,
      hint: "Write the file in YAML or JSON.",
    });
  }
  const found = new Map<string, FileValue>();
  const issues: Issue[] = [];
  const walk = createWalk({ path, document, lines, names, found, issues, isMap });
  if (document.contents !== null) walk(document.contents, "");
  if (issues.length > 0) throw refuse(path, issues);
  return found;
}

interface Walk {
  path: string;
  document: Document.Parsed;
  lines: LineCounter;
  names: readonly string[];
  found: Map<string, FileValue>;
  issues: Issue[];
  isMap: typeof isMap;
}

function createWalk({ path, document, lines, names, found, issues, isMap }: Walk) {
  const placeOf = (node: Node | null, or: string): string => {
    const at = node?.range?.[0];
    return at === undefined ? or : toPlace(path, lines, at);
  };

  return function walk(node: Node, prefix: string): void {
    if (!isMap(node)) {
      const what = prefix === "" ? "The file" : `The section ${prefix}`;
      issues.push({ message: `${placeOf(node, path)}: ${what} has to be a map of keys to values` });
      return;
    }
    for (const pair of node.items) {
      const key = pair.key as ParsedNode;
      const name = `${prefix === "" ? "" : `${prefix}.`}${String(key.toJS(document))}`;
      const place = placeOf(key, path);
      const value = pair.value as ParsedNode | null;
      if (names.includes(name)) {
        const js: unknown = value?.toJS(document) ?? null;
        // `port:` with nothing behind it leaves the setting as it is.
        if (js !== null) found.set(name, { value: js, place: placeOf(value, place) });
      } else if (names.some((known) => known.startsWith(`${name}.`))) {
        if (value !== null && value.toJS(document) !== null) walk(value, name);
      } else {
        issues.push(explainUnknown(name, place, names));
      }
    }
  };
}

function explainUnknown(name: string, place: string, names: readonly string[]): Issue {
  const last = name.split(".").at(-1)!;
  // The right key in the wrong section is as likely as a misspelling.
  const near =
    findClosestName(name, names) ??
    names.find((known) => known.endsWith(`.${last}`)) ??
    findClosestName(last, [...new Set(names.map((known) => known.split(".")[0]!))]);
  const meant = near === undefined ? "" : `; did you mean ${near}?`;
  return { message: `${place}: there is no setting ${name}${meant}`, path: name };
}

/** The error of a file with these findings. */
export function refuse(path: string, issues: readonly Issue[]): EkibenError {
  const [first] = issues;
  return new EkibenError("SETTING_INVALID", {
    detail:
      issues.length === 1
        ? first!.message.replace(/[?.]?$/, (end) => end || ".")
        : `${basename(path)} has ${issues.length} faults.`,
    hint: "`ekiben serve --help` and the page on production list all settings.",
    issues,
  });
}

function toPlace(path: string, lines: LineCounter, at: number): string {
  const { line, col } = lines.linePos(at);
  return `${basename(path)}:${line}:${col}`;
}
