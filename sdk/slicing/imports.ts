import type { ImportDeclaration, Node } from "oxc-parser";
import type { Kept } from "./capture.js";
import type { Cell } from "./notebook.js";

/** One imported name, as the import declaration of a cell says it. */
export interface ImportedName {
  readonly cell: Cell;
  readonly statement: ImportDeclaration;
  readonly specifier: string;
  /** `default`, `*`, or the exported name. */
  readonly imported: string;
  readonly local: string;
  readonly typeOnly: boolean;
  /** Equal for imports that are the same thing under the same name. */
  readonly identity: string;
}

/** The import that a kept name is; `undefined` when it is none. */
export function importOf(one: Kept): ImportedName | undefined {
  const declaration = one.cell.declarations.get(one.name)?.find(({ kind }) => kind === "import");
  if (declaration === undefined || declaration.statement.type !== "ImportDeclaration") {
    return undefined;
  }
  const { statement } = declaration;
  const imported = importedName(declaration.node);
  const specifier = statement.source.value;
  return {
    cell: one.cell,
    statement,
    specifier,
    imported,
    local: one.name,
    typeOnly: declaration.typeOnly || one.capture !== "import",
    identity: JSON.stringify([specifier, attributesOf(statement), imported, one.name]),
  };
}

function importedName(specifier: Node): string {
  if (specifier.type === "ImportDefaultSpecifier") return "default";
  if (specifier.type !== "ImportSpecifier") return "*";
  const { imported } = specifier;
  return imported.type === "Literal" ? imported.value : imported.name;
}

/** ` with { type: "json" }`, or nothing. */
export function attributesOf({ attributes }: ImportDeclaration): string {
  if (attributes.length === 0) return "";
  const pairs = attributes.map(({ key, value }) => {
    const name = key.type === "Identifier" ? key.name : JSON.stringify(key.value);
    return `${name}: ${JSON.stringify(value.value)}`;
  });
  return ` with { ${pairs.join(", ")} }`;
}

/** An import declaration of the program, and the first cell that has it. */
export interface PrintedImport {
  readonly text: string;
  readonly cell: Cell;
  readonly statement: ImportDeclaration;
}

/** Merges imports: one declaration for each module, and one more for its types or its namespace. */
export function printImports(
  imports: readonly { readonly from: ImportedName; readonly name: string }[],
): PrintedImport[] {
  const groups = new Map<string, { from: ImportedName; names: Map<string, ImportedPart> }>();
  const inOrder = [...imports].sort(
    (a, b) => a.from.cell.id - b.from.cell.id || a.from.statement.start - b.from.statement.start,
  );
  const values = new Set(
    inOrder.filter(({ from }) => !from.typeOnly).map(({ from, name }) => partKey(from, name)),
  );
  for (const { from, name } of inOrder) {
    // What code needs anyway needs no second import for its type.
    if (from.typeOnly && values.has(partKey(from, name))) continue;
    const shape =
      from.imported === "*"
        ? `* ${name}`
        : from.typeOnly
          ? from.imported === "default"
            ? "default"
            : "names"
          : "";
    const key = JSON.stringify([
      from.specifier,
      attributesOf(from.statement),
      from.typeOnly,
      shape,
    ]);
    const group = groups.get(key) ?? { from, names: new Map() };
    groups.set(key, group);
    group.names.set(partKey(from, name), { imported: from.imported, name });
  }
  return [...groups.values()].map(({ from, names }) => ({
    text: printImport(from, [...names.values()]),
    cell: from.cell,
    statement: from.statement,
  }));
}

interface ImportedPart {
  readonly imported: string;
  readonly name: string;
}

function partKey(from: ImportedName, name: string): string {
  return JSON.stringify([from.specifier, attributesOf(from.statement), from.imported, name]);
}

function printImport(from: ImportedName, parts: readonly ImportedPart[]): string {
  const defaults = parts.filter(({ imported }) => imported === "default");
  const named = parts.filter(({ imported }) => imported !== "default" && imported !== "*");
  const clauses: string[] = [];
  const [first, ...others] = defaults;
  if (first !== undefined) clauses.push(first.name);
  for (const { imported, name } of parts) if (imported === "*") clauses.push(`* as ${name}`);
  const inner = [...others, ...named].map(({ imported, name }) =>
    imported === name
      ? name
      : `${isName(imported) ? imported : JSON.stringify(imported)} as ${name}`,
  );
  if (inner.length > 0) clauses.push(`{ ${inner.join(", ")} }`);
  const keyword = from.typeOnly ? "import type" : "import";
  const specifier = JSON.stringify(from.specifier);
  return `${keyword} ${clauses.join(", ")} from ${specifier}${attributesOf(from.statement)};`;
}

function isName(text: string): boolean {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(text);
}
