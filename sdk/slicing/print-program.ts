import { Bundle, MagicString } from "magic-string";
import type { Captured, Kept } from "./capture.js";
import { isAssigned } from "./check-values.js";
import type { ChosenNames } from "./choose-names.js";
import { importOf, printImports } from "./imports.js";
import { type Item, placeOfItem } from "./items.js";
import type { Cell } from "./notebook.js";
import { findCommentStart, printDeclaration } from "./print-declaration.js";

/** Where a line of the program comes from; `line` counts from 1. */
export interface LineOrigin {
  readonly execution: number;
  readonly cell: number;
  readonly line: number;
}

export interface Program {
  /** One TypeScript module. */
  readonly code: string;
  /** A source map, version 3, as JSON; the cells are its sources. */
  readonly map: string;
  /** The origin of each line; `undefined` for lines that no cell has. */
  readonly lines: readonly (LineOrigin | undefined)[];
}

/** The name of a cell as a file, in the source map. */
export function cellFile({ number }: { readonly number: number }): string {
  return `cell-[${number}].ts`;
}

/** Prints the program: imports, then the kept declarations cell by cell, then the service. */
export function printProgram(
  entry: Kept,
  items: readonly Item[],
  captured: Captured,
  names: ChosenNames,
): Program {
  const bundle = new Bundle({ separator: "\n" });
  const files = nameFiles(captured);
  const hasValues = items.some(({ kind }) => kind === "revive");
  const revive = hasValues ? names.fresh("reviveValues") : "";
  const values = hasValues ? names.fresh("values") : "";
  const addText = (text: string): void => {
    bundle.addSource({ content: new MagicString("").append(text) });
  };
  const addCode = (cell: Cell, content: MagicString): void => {
    bundle.addSource({ filename: files.get(cell)!, content });
  };

  const imports = [...captured.kept.values()].flatMap((one) => {
    const from = importOf(one);
    return from === undefined ? [] : [{ from, name: names.of.get(one)! }];
  });
  for (const { text, cell, statement } of printImports(imports)) {
    addCode(cell, replace(cell, statement, text));
  }
  if (hasValues) {
    const clause = revive === "reviveValues" ? revive : `reviveValues as ${revive}`;
    addText(`import { ${clause} } from "./values.js";`);
  }

  let section: Cell | undefined;
  for (let at = 0; at < items.length; at++) {
    const item = items[at]!;
    if (item.kind === "revive") {
      const classes = item.classes.map((one) => names.of.get(one)!);
      const list = classes.length === 0 ? "{}" : `{ ${classes.join(", ")} }`;
      addText(`\n// what the notebook's variables held\nconst ${values} = ${revive}(${list});`);
      section = undefined;
      continue;
    }
    const { cell } = item;
    const previous = items[at - 1];
    let lead = section === cell ? "" : `\n// cell [${cell.number}]\n`;
    if (lead === "" && previous !== undefined && previous.kind !== "revive") {
      if (hasBlankLine(cell, placeOfItem(previous), item)) lead = "\n";
    }
    section = cell;
    if (item.kind === "source") {
      const together = siblingsOf(items, at);
      addCode(cell, printDeclaration(cell, together, captured, names).prepend(lead));
      at += together.length - 1;
      continue;
    }
    const name = names.of.get(item.kept)!;
    const keyword = item.kind === "value" && isAssigned(item.kept) ? "let" : "const";
    const text =
      item.kind === "value"
        ? `${keyword} ${name} = ${values}.${name};`
        : printOutline(item.kept, name);
    const start = placeOfItem(item);
    addCode(cell, replace(cell, { start, end: start + item.kept.name.length }, text).prepend(lead));
  }
  addText(`\nexport default ${names.of.get(entry)!};\n`);

  const options = { hires: "boundary", includeContent: true, file: "service.ts" } as const;
  const decoded = bundle.generateDecodedMap(options);
  const cells = new Map([...files].map(([cell, file]) => [file, cell]));
  const code = bundle.toString();
  const lines = code.split("\n").map((_, index): LineOrigin | undefined => {
    const segment = decoded.mappings[index]?.find((one) => one.length > 1);
    if (segment === undefined) return undefined;
    const cell = cells.get(decoded.sources[segment[1]!]!)!;
    return { execution: cell.id, cell: cell.number, line: segment[2]! + 1 };
  });
  return { code, map: bundle.generateMap(options).toString(), lines };
}

/** Two executions may carry one number, after a restart of the front end for instance. */
function nameFiles({ kept }: Captured): Map<Cell, string> {
  const files = new Map<Cell, string>();
  const taken = new Set<string>();
  for (const { cell } of kept.values()) {
    if (files.has(cell)) continue;
    const plain = cellFile(cell);
    const file = taken.has(plain) ? `cell-[${cell.number}]-run-${cell.id}.ts` : plain;
    taken.add(file);
    files.set(cell, file);
  }
  return files;
}

/** The declarators of one statement that are printed as the author wrote them: in one statement. */
function siblingsOf(items: readonly Item[], at: number): Extract<Item, { kind: "source" }>[] {
  const first = items[at] as Extract<Item, { kind: "source" }>;
  const { statement } = first.declaration;
  if (statement.type !== "VariableDeclaration") return [first];
  const run = items.slice(at, at + statement.declarations.length);
  const whole = run.every(
    (item): item is Extract<Item, { kind: "source" }> =>
      item.kind === "source" && item.declaration.statement === statement,
  );
  return whole && run.length === statement.declarations.length ? run : [first];
}

function hasBlankLine(
  cell: Cell,
  before: number,
  item: Exclude<Item, { kind: "revive" }>,
): boolean {
  const statement = item.kind === "source" ? item.declaration.statement : undefined;
  const start =
    statement === undefined ? placeOfItem(item) : findCommentStart(cell, statement.start);
  const between = cell.source.slice(before, start);
  return /\n[ \t\r]*\n/.test(between.slice(between.trimEnd().length));
}

/** A name that stands only in types, and whose value is not needed. */
function printOutline({ cell, name: original, typeofs }: Kept, name: string): string {
  const type = cell.declarations.get(original)!.some(({ kind }) => kind === "class");
  const lines: string[] = [];
  if (typeofs) lines.push(`declare const ${name}: any;`);
  if (type) lines.push(`type ${name} = any;`);
  return lines.join("\n");
}

/** The text of a cell with nothing but `text` left of it, in the place of `node`. */
function replace(cell: Cell, node: { start: number; end: number }, text: string): MagicString {
  const content = new MagicString(cell.source);
  content.overwrite(node.start, node.end, text);
  if (node.start > 0) content.remove(0, node.start);
  if (node.end < cell.source.length) content.remove(node.end, cell.source.length);
  return content;
}
