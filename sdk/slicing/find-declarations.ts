import type { Node, Program, VariableDeclarator } from "oxc-parser";
import { type BoundName, childrenOf, namesOf } from "./syntax.js";

export type DeclarationKind =
  | "import"
  | "const"
  | "let"
  | "var"
  | "function"
  | "class"
  | "enum"
  | "namespace"
  | "type"
  | "interface"
  | "unsupported";

/** One declaration at the top level of a cell. */
export interface Declaration {
  readonly kind: DeclarationKind;
  /** The names it declares and where they stand. */
  readonly names: readonly BoundName[];
  /** What must be kept for the names: a declarator, an import specifier, or a whole statement. */
  readonly node: Node;
  /** The statement at the top level of the cell that holds it, without `export`. */
  readonly statement: Node;
  /** Only a type, so nothing of it is left when the cell runs. */
  readonly typeOnly: boolean;
  /** A `var` inside of a block or loop: it cannot be taken out of there. */
  readonly nested: boolean;
}

/** Finds what a cell declares at its top level, in the order of the text. */
export function findDeclarations(program: Program): Declaration[] {
  return program.body.flatMap((statement) => declarationsOf(innerStatement(statement)));
}

/** The declaration inside of `export`, and every other statement as it is. */
export function innerStatement(statement: Node): Node {
  if (statement.type === "ExportNamedDeclaration" && statement.declaration !== null) {
    return statement.declaration;
  }
  return statement;
}

export function declaresType(declaration: Declaration): boolean {
  return !["const", "let", "var", "function", "unsupported"].includes(declaration.kind);
}

export function declaresValue(declaration: Declaration): boolean {
  return !declaration.typeOnly;
}

function declarationsOf(statement: Node): Declaration[] {
  const one = (kind: DeclarationKind, id: Node | null, typeOnly = false): Declaration[] =>
    id === null
      ? []
      : [{ kind, names: namesOf(id), node: statement, statement, typeOnly, nested: false }];
  switch (statement.type) {
    case "ImportDeclaration":
      return statement.specifiers.map((specifier) => ({
        kind: "import",
        names: namesOf(specifier.local),
        node: specifier,
        statement,
        typeOnly:
          statement.importKind === "type" ||
          (specifier.type === "ImportSpecifier" && specifier.importKind === "type"),
        nested: false,
      }));
    case "VariableDeclaration":
      if (statement.declare === true) return [];
      return statement.declarations.map((declarator) =>
        toVariable(statement.kind, declarator, statement, false),
      );
    case "FunctionDeclaration":
      return one("function", statement.id);
    case "TSDeclareFunction":
      // Without `declare` it is an overload: its text belongs to the function of that name.
      return statement.declare === true ? [] : one("function", statement.id);
    case "ClassDeclaration":
      return statement.declare === true ? [] : one("class", statement.id);
    case "TSEnumDeclaration":
      return statement.declare ? [] : one("enum", statement.id);
    case "TSModuleDeclaration":
      if (statement.declare || statement.global) return [];
      return one("namespace", leftmost(statement.id));
    case "TSTypeAliasDeclaration":
      return one("type", statement.id, true);
    case "TSInterfaceDeclaration":
      return one("interface", statement.id, true);
    case "TSImportEqualsDeclaration":
      return one("unsupported", statement.id);
    default:
      return findNestedVars(statement).map(({ declarator, kind }) =>
        toVariable(kind, declarator, statement, true),
      );
  }
}

function toVariable(
  kind: string,
  declarator: VariableDeclarator,
  statement: Node,
  nested: boolean,
): Declaration {
  return {
    kind: kind === "const" || kind === "let" || kind === "var" ? kind : "unsupported",
    names: namesOf(declarator.id),
    node: declarator,
    statement,
    typeOnly: false,
    nested,
  };
}

function leftmost(id: Node): Node | null {
  if (id.type === "TSQualifiedName") return leftmost(id.left);
  return id.type === "Identifier" ? id : null;
}

/** The `var`s inside of a statement belong to the function around it; here, to the cell. */
export function findNestedVars(node: Node): { declarator: VariableDeclarator; kind: "var" }[] {
  switch (node.type) {
    case "VariableDeclaration":
      if (node.kind !== "var") return [];
      return node.declarations.map((declarator) => ({ declarator, kind: "var" }));
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
    case "ClassDeclaration":
    case "ClassExpression":
    case "TSModuleDeclaration":
      return [];
    default:
      return isStatementLike(node) ? childrenOf(node).flatMap(findNestedVars) : [];
  }
}

function isStatementLike(node: Node): boolean {
  return (
    node.type.endsWith("Statement") || node.type === "SwitchCase" || node.type === "CatchClause"
  );
}
