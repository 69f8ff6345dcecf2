import type { Node } from "oxc-parser";
import { findNestedVars, innerStatement } from "./find-declarations.js";
import { namesOf } from "./syntax.js";
import type { Unit } from "./unit.js";

/** A variable of a function or block: never one of the top level of a cell. */
export interface Local {
  readonly name: string;
  /** The code whose run makes the variable. */
  readonly owner: Unit;
  readonly parameter: boolean;
  /** The functions that calling this variable may run, as far as the text tells. */
  readonly units: Unit[];
}

/** The names that a piece of text declares for itself. The top level of a cell has an empty scope. */
export interface Scope {
  readonly parent?: Scope;
  readonly values: Map<string, Local>;
  readonly types: Set<string>;
}

export function createScope(parent?: Scope): Scope {
  return { parent, values: new Map(), types: new Set() };
}

export function findLocal(scope: Scope, name: string): Local | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    const local = at.values.get(name);
    if (local !== undefined) return local;
  }
  return undefined;
}

export function hasLocalType(scope: Scope, name: string): boolean {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    if (at.types.has(name)) return true;
  }
  return false;
}

export function addLocal(scope: Scope, name: string, owner: Unit, parameter = false): Local {
  const local: Local = { name, owner, parameter, units: [] };
  scope.values.set(name, local);
  return local;
}

/** Declares the names of a pattern. */
export function addPattern(scope: Scope, pattern: Node, owner: Unit, parameter = false): void {
  for (const { name } of namesOf(pattern)) addLocal(scope, name, owner, parameter);
}

/** Declares what the statements of a block declare for that block. */
export function addLexical(scope: Scope, body: readonly Node[], owner: Unit): void {
  for (const outer of body) {
    const statement = innerStatement(outer);
    switch (statement.type) {
      case "VariableDeclaration":
        if (statement.kind === "var") break;
        for (const declarator of statement.declarations) addPattern(scope, declarator.id, owner);
        break;
      case "FunctionDeclaration":
      case "TSDeclareFunction":
        // An overload and its function share one variable.
        if (statement.id !== null && !scope.values.has(statement.id.name)) {
          addLocal(scope, statement.id.name, owner);
        }
        break;
      case "ClassDeclaration":
      case "TSEnumDeclaration":
      case "TSModuleDeclaration":
        if (statement.id?.type === "Identifier") {
          addLocal(scope, statement.id.name, owner);
          scope.types.add(statement.id.name);
        }
        break;
      case "TSTypeAliasDeclaration":
      case "TSInterfaceDeclaration":
        scope.types.add(statement.id.name);
        break;
      default:
    }
  }
}

/** Declares the `var`s of a function's body, however deep they stand in its blocks. */
export function addVars(scope: Scope, body: readonly Node[], owner: Unit): void {
  for (const statement of body) {
    for (const { declarator } of findNestedVars(innerStatement(statement))) {
      addPattern(scope, declarator.id, owner);
    }
  }
}
