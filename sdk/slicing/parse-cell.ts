import { type Comment, parseSync, type Program } from "oxc-parser";

/** The syntax of one cell. Offsets count UTF-16 units, as strings do. */
export interface ParsedCell {
  readonly program: Program;
  readonly comments: readonly Comment[];
}

/** The syntax of a cell, or `undefined` when it is not TypeScript. */
export function parseCell(source: string): ParsedCell | undefined {
  const { program, comments, errors } = parseSync("cell.ts", source, {
    lang: "ts",
    sourceType: "module",
  });
  // An error without a program means that nothing could be read; with one, it is a rule of modules
  // that the kernel does not enforce.
  if (errors.length > 0 && program.body.length === 0) return undefined;
  return { program, comments };
}

/** What the doc comments at the head of a cell tell the kernel to do with it. */
export interface CellDirective {
  /** `module`: the cell is a file that other cells import. `browser`: the cell never runs here. */
  readonly kind: "module" | "browser";
  readonly name?: string;
}

/** Finds `@module name` or `@browser` in the doc comments before the first statement. */
export function findDirective({ program, comments }: ParsedCell): CellDirective | undefined {
  const head = program.body[0]?.start ?? Infinity;
  let found: CellDirective | undefined;
  for (const comment of comments) {
    if (comment.start > head) break;
    if (comment.type !== "Block" || !comment.value.startsWith("*")) continue;
    const name = /^[ \t*]*@module[ \t]+([\w$./-]+)[ \t]*$/m.exec(comment.value)?.[1];
    if (name !== undefined) return { kind: "module", name };
    if (/^[ \t*]*@browser[ \t\r]*$/m.test(comment.value)) found = { kind: "browser" };
  }
  return found;
}
