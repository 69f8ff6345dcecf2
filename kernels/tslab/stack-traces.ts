import type { Position, PositionMap } from "./emit-maps.js";

/** A script whose frames are shown in terms of its source. */
export interface TracedScript {
  /** What stands for the file name in a frame, such as `cell [7]`. */
  readonly label: string;
  readonly toSource: PositionMap;
}

export interface StackTraces {
  /** `name`: what the script calls itself, by its file name or a `sourceURL` comment. */
  add(name: string, script: TracedScript): void;
  /** Makes stack traces of this process show the lines of the cells, and leave out the kernel. */
  install(): void;
}

export interface StackTracesOptions {
  /** Whether the frames of this file tell the author of a notebook nothing. */
  isInternal(file: string): boolean;
}

/** Frames that every call out of the event loop has at its end. */
const LOOP_FRAME = /^node:internal\//u;

export function createStackTraces(options: StackTracesOptions): StackTraces {
  const scripts = new Map<string, TracedScript>();

  /** The frame as one line, or `undefined` when it is in code that the compiler added. */
  const toLine = (site: NodeJS.CallSite): string | undefined => {
    const name = site.getScriptNameOrSourceURL() ?? "";
    const text = site.toString();
    const script = scripts.get(name);
    if (script === undefined) return text;
    const at: Position = { line: site.getLineNumber() ?? 0, column: site.getColumnNumber() ?? 0 };
    const source = script.toSource(at);
    if (source === undefined) return undefined;
    const place = `${script.label}:${source.line}:${source.column}`;
    const caller = site.getFunctionName();
    // The body of a cell is a function that tslab calls; the author wrote none.
    if (caller === null || !text.includes("(")) return place;
    // A name of another cell is called as a property of the object that holds all names, and the
    // handler of a service as one of its options.
    const head = text.slice(0, text.lastIndexOf("(")).replace(/\b(?:Proxy|Object)\./u, "");
    return `${head}(${place})`;
  };

  const format = (error: Error, sites: NodeJS.CallSite[]): string => {
    const kept = sites.filter((site) => {
      const file = site.getScriptNameOrSourceURL() ?? "";
      return !file.startsWith("node:vm") && !options.isInternal(file);
    });
    if (kept.some((site) => scripts.has(site.getScriptNameOrSourceURL() ?? ""))) {
      while (LOOP_FRAME.test(kept.at(-1)?.getScriptNameOrSourceURL() ?? "")) kept.pop();
    }
    const lines = kept.map(toLine).filter((line) => line !== undefined);
    return [toHeader(error), ...lines.map((line) => `    at ${line}`)].join("\n");
  };

  return {
    add: (name, script) => void scripts.set(name, script),
    install() {
      Error.prepareStackTrace = format as typeof Error.prepareStackTrace;
      // The cell's own frame must not be cut off below the frames of a library.
      Error.stackTraceLimit = Math.max(Error.stackTraceLimit, 30);
    },
  };
}

function toHeader(error: Error): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return "Error";
  }
}
