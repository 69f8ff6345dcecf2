import type * as ts from "@tslab/typescript-for-tslab";
import type { TypeScript } from "./load-tslab.js";

/** The names of a cell that hold a value when it runs. */
export interface CellNames {
  readonly declared: readonly string[];
  readonly imported: readonly string[];
}

/**
 * Finds the names in a cell as tslab emits it before it becomes CommonJS: a module that exports all
 * of its top-level names. Types and what is only declared for the compiler (`declare const`) are no
 * longer in it or have no declaration there; the variable for the last expression is an `export
 * const`, which no name of the author is.
 */
export function findCellNames(typescript: TypeScript, module: string): CellNames {
  const file = typescript.createSourceFile("cell.js", module, typescript.ScriptTarget.ESNext);
  const declared = new Set<string>();
  const imported = new Set<string>();
  const exported: string[] = [];
  for (const statement of file.statements) {
    if (typescript.isImportDeclaration(statement)) {
      addImported(typescript, statement, imported);
    } else if (typescript.isExportDeclaration(statement)) {
      const clause = statement.exportClause;
      if (clause === undefined || !typescript.isNamedExports(clause)) continue;
      for (const element of clause.elements) exported.push(element.name.text);
    } else if (
      (typescript.isFunctionDeclaration(statement) || typescript.isClassDeclaration(statement)) &&
      statement.name !== undefined
    ) {
      declared.add(statement.name.text);
    } else {
      addVariables(typescript, statement, declared);
    }
  }
  return {
    declared: exported.filter((name) => declared.has(name)),
    imported: exported.filter((name) => imported.has(name)),
  };
}

function addImported(typescript: TypeScript, statement: ts.ImportDeclaration, names: Set<string>) {
  const clause = statement.importClause;
  if (clause?.name !== undefined) names.add(clause.name.text);
  const bindings = clause?.namedBindings;
  if (bindings === undefined) return;
  if (typescript.isNamespaceImport(bindings)) names.add(bindings.name.text);
  else for (const element of bindings.elements) names.add(element.name.text);
}

/** Adds the variables that `statement` declares for the whole cell: of blocks inside only `var`. */
function addVariables(typescript: TypeScript, statement: ts.Statement, names: Set<string>): void {
  const addName = (name: ts.BindingName) => {
    if (typescript.isIdentifier(name)) {
      names.add(name.text);
      return;
    }
    for (const element of name.elements) {
      if (typescript.isBindingElement(element)) addName(element.name);
    }
  };
  const visit = (node: ts.Node): void => {
    if (typescript.isFunctionLike(node) || typescript.isClassLike(node)) return;
    if (typescript.isVariableDeclarationList(node)) {
      const scoped = (node.flags & typescript.NodeFlags.BlockScoped) !== 0;
      if (!scoped || isTopLevel(node)) {
        for (const declaration of node.declarations) addName(declaration.name);
      }
    }
    typescript.forEachChild(node, visit);
  };
  const isTopLevel = (list: ts.VariableDeclarationList) =>
    typescript.isVariableStatement(statement) && statement.declarationList === list;
  visit(statement);
}
