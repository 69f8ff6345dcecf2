import { MagicString } from "magic-string";
import type { Node } from "oxc-parser";
import type { Captured, Kept } from "./capture.js";
import type { ChosenNames } from "./choose-names.js";
import type { Declaration } from "./find-declarations.js";
import type { Item } from "./items.js";
import { type Cell, keyOf, standsIn } from "./notebook.js";
import { isFunctionNode, unwrap } from "./syntax.js";

type SourceItem = Extract<Item, { kind: "source" }>;

/**
 * The text of a declaration as it stands in its cell, with its comments, and with the names that
 * the program chose. Several items are the declarators of one statement.
 */
export function printDeclaration(
  cell: Cell,
  items: readonly SourceItem[],
  captured: Captured,
  names: ChosenNames,
): MagicString {
  const [{ declaration }] = items as readonly [SourceItem];
  const { statement, node } = declaration;
  const content = new MagicString(cell.source);
  const whole =
    statement.type !== "VariableDeclaration" || statement.declarations.length === items.length;
  const range = whole ? statement : node;
  const exported = whole ? findExport(cell, statement) : statement.start;
  const start = whole ? findCommentStart(cell, exported) : statement.start;
  const end = whole ? findTrailingEnd(cell, statement.end) : node.end;

  const rename = (at: number, from: string, to: string, shorthand: boolean): void => {
    if (from === to) return;
    content.overwrite(at, at + from.length, shorthand ? `${from}: ${to}` : to);
  };
  const nameOf = (execution: number, name: string): string => {
    const one = captured.kept.get(keyOf({ execution, name }));
    return one === undefined ? name : names.of.get(one)!;
  };
  for (const [reference, meaning] of captured.meanings.get(cell) ?? []) {
    if (meaning.kind !== "binding" || !standsIn(reference, range)) continue;
    const { execution, name } = meaning.binding;
    rename(reference.start, name, nameOf(execution, name), reference.shorthand);
  }
  const renamed: Kept[] = [];
  for (const item of items) {
    for (const { name, start: at, shorthand } of item.declaration.names) {
      const to = nameOf(cell.id, name);
      rename(at, name, to, shorthand);
      const one = captured.kept.get(keyOf({ execution: cell.id, name }));
      if (to !== name && one !== undefined && takesName(item.declaration)) renamed.push(one);
    }
  }

  if (exported < statement.start && whole) content.remove(exported, statement.start);
  if (!whole && statement.type === "VariableDeclaration") {
    content.overwrite(statement.start + statement.kind.length, node.start, " ");
  }
  if (start > 0) content.remove(0, start);
  if (end < cell.source.length) content.remove(end, cell.source.length);
  if (!whole) content.append(";");
  for (const one of renamed) {
    // A function tells its name, and code may read it.
    content.append(
      `\nObject.defineProperty(${names.of.get(one)!}, "name", { value: ${JSON.stringify(one.name)}, configurable: true });`,
    );
  }
  return content;
}

/** Whether what the declaration makes is named after the variable. */
function takesName({ kind, node }: Declaration): boolean {
  if (kind === "class") return true;
  if (kind === "function") return node.type === "FunctionDeclaration";
  if (node.type !== "VariableDeclarator" || node.init === null) return false;
  const init = unwrap(node.init);
  if (init.type === "ClassExpression" || isFunctionNode(init)) return init.id === null;
  return false;
}

/** Where `export` stands before a statement, or where the statement starts. */
function findExport(cell: Cell, statement: Node): number {
  const before = /export\s+$/.exec(cell.source.slice(0, statement.start));
  return before === null ? statement.start : before.index;
}

/** Where the comments start that stand right above a place, on lines of their own. */
export function findCommentStart(cell: Cell, start: number): number {
  let first = start;
  for (const comment of cell.comments.toReversed()) {
    if (comment.end > first) continue;
    const between = cell.source.slice(comment.end, first);
    if (!/^[ \t]*(?:\r?\n[ \t]*)?$/.test(between)) break;
    const lineStart = cell.source.lastIndexOf("\n", comment.start - 1) + 1;
    if (cell.source.slice(lineStart, comment.start).trim() !== "") break;
    first = comment.start;
  }
  return first;
}

/** The end of the comment behind a statement on its line, or of the statement. */
export function findTrailingEnd(cell: Cell, end: number): number {
  for (const comment of cell.comments) {
    if (comment.start < end) continue;
    const between = cell.source.slice(end, comment.start);
    return /^[ \t]*$/.test(between) ? comment.end : end;
  }
  return end;
}
