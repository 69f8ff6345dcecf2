import type {
  ArrowFunctionExpression,
  CallExpression,
  Class,
  Function as FunctionNode,
  NewExpression,
  Node,
  Program,
} from "oxc-parser";
import {
  addLexical,
  addLocal,
  addPattern,
  addVars,
  createScope,
  findLocal,
  hasLocalType,
  type Scope,
} from "./scope.js";
import { childrenOf, isFunctionNode, unwrap } from "./syntax.js";
import { createUnit, type Unit } from "./unit.js";
import { createUseNotes, type Use } from "./uses.js";
import { visitTypeNode } from "./visit-type.js";

/**
 * `value`: the code needs what the name holds. `type`: a name of a type. `typeof`: the name of a
 * value in a type, which is gone when the code runs.
 */
export type Space = "value" | "type" | "typeof";

/** A name in a cell that no function or block of the cell declares for itself. */
export interface Reference extends Use {
  readonly name: string;
  readonly start: number;
  readonly space: Space;
  readonly unit: Unit;
}

/** An `import()` in a cell; the specifier is absent when the code computes it. */
export interface DynamicImport {
  readonly specifier?: string;
  readonly start: number;
}

export interface References {
  readonly references: readonly Reference[];
  readonly dynamicImports: readonly DynamicImport[];
  readonly units: readonly Unit[];
  /** The unit of the top level. */
  readonly top: Unit;
}

export type Visit = (node: Node, scope: Scope, unit: Unit) => void;

/** Finds the names of a cell that may belong to the notebook, with where and how each is used. */
export function findReferences(program: Program): References {
  const references: Reference[] = [];
  const dynamicImports: DynamicImport[] = [];
  const units: Unit[] = [];
  const notes = createUseNotes();
  const unitOf = new Map<Node, Unit>();

  const openUnit = (node: Node, parent?: Unit): Unit => {
    const known = unitOf.get(node);
    if (known !== undefined) return known;
    const unit = createUnit(node.start, node.end, parent);
    unitOf.set(node, unit);
    units.push(unit);
    return unit;
  };

  const refer = (node: Node & { name: string }, space: Space, scope: Scope, unit: Unit): void => {
    const { name, start } = node;
    if (space === "type" ? hasLocalType(scope, name) : findLocal(scope, name)) {
      if (space === "value") noteLocal(node, scope, unit);
      return;
    }
    if (name === "arguments" && unit.parent !== undefined) return;
    references.push({ name, start, space, unit, ...notes.of(node) });
  };

  const noteLocal = (node: Node & { name: string }, scope: Scope, unit: Unit): void => {
    const local = findLocal(scope, node.name);
    if (local === undefined) return;
    const use = notes.of(node);
    if (use.called !== undefined) {
      unit.calledLocals.add(local);
      if (local.parameter) local.owner.parameterCallers.add(unit);
    }
    if (use.write || (use.mutates && !local.parameter)) {
      if (local.owner !== unit) unit.changes.add(local);
    }
  };

  const visitAll = (nodes: readonly (Node | null)[], scope: Scope, unit: Unit): void => {
    for (const node of nodes) if (node !== null) visit(node, scope, unit);
  };

  const visitBlock = (body: readonly Node[], outer: Scope, unit: Unit): void => {
    const scope = createScope(outer);
    addLexical(scope, body, unit);
    visitAll(body, scope, unit);
  };

  /** Visits what runs inside of a pattern that declares names: defaults, computed keys, types. */
  const visitPattern = (pattern: Node, scope: Scope, unit: Unit): void => {
    visitAll("decorators" in pattern ? (pattern.decorators ?? []) : [], scope, unit);
    switch (pattern.type) {
      case "ObjectPattern":
        for (const property of pattern.properties) {
          if (property.type === "RestElement") visitPattern(property, scope, unit);
          else {
            if (property.computed) visit(property.key, scope, unit);
            visitPattern(property.value, scope, unit);
          }
        }
        break;
      case "ArrayPattern":
        for (const element of pattern.elements) {
          if (element !== null) visitPattern(element, scope, unit);
        }
        break;
      case "AssignmentPattern":
        visitPattern(pattern.left, scope, unit);
        visit(pattern.right, scope, unit);
        break;
      case "RestElement":
        visitPattern(pattern.argument, scope, unit);
        break;
      case "TSParameterProperty":
        visitPattern(pattern.parameter, scope, unit);
        break;
      default:
    }
    if ("typeAnnotation" in pattern && pattern.typeAnnotation) {
      visit(pattern.typeAnnotation, scope, unit);
    }
  };

  /** Visits what is assigned to: names, members, or a pattern of them. */
  const visitTarget = (node: Node, scope: Scope, unit: Unit): void => {
    const target = unwrap(node);
    switch (target.type) {
      case "ObjectPattern":
        for (const property of target.properties) {
          if (property.type === "RestElement") visitTarget(property.argument, scope, unit);
          else {
            if (property.computed) visit(property.key, scope, unit);
            if (property.shorthand) notes.shorthand(property.value);
            visitTarget(property.value, scope, unit);
          }
        }
        break;
      case "ArrayPattern":
        for (const element of target.elements) {
          if (element !== null) visitTarget(element, scope, unit);
        }
        break;
      case "AssignmentPattern":
        visitTarget(target.left, scope, unit);
        visit(target.right, scope, unit);
        break;
      case "RestElement":
        visitTarget(target.argument, scope, unit);
        break;
      default:
        notes.assign(target);
        visit(node, scope, unit);
    }
  };

  const visitFunction = (node: FunctionLike, outer: Scope, parent: Unit): Unit => {
    const unit = openUnit(node, parent);
    const named = createScope(outer);
    if (node.type === "FunctionExpression" && node.id !== null) {
      addLocal(named, node.id.name, unit).units.push(unit);
    }
    if (node.type === "FunctionDeclaration" && node.id !== null) {
      outer.values.get(node.id.name)?.units.push(unit);
    }
    const scope = createScope(named);
    visitTypeParameters(node.typeParameters, scope, unit);
    for (const param of node.params) addPattern(scope, param, unit, true);
    for (const param of node.params) visitPattern(param, scope, unit);
    if (node.returnType) visit(node.returnType, scope, unit);
    if (node.body === null) return unit;
    if (node.body.type !== "BlockStatement") {
      visit(node.body, scope, unit);
      return unit;
    }
    const inner = createScope(scope);
    addVars(inner, node.body.body, unit);
    addLexical(inner, node.body.body, unit);
    visitAll(node.body.body, inner, unit);
    return unit;
  };

  const visitClass = (node: Class, outer: Scope, unit: Unit): void => {
    visitAll(node.decorators, outer, unit);
    const scope = createScope(outer);
    const members: Unit[] = [];
    if (node.type === "ClassExpression" && node.id !== null) {
      addLocal(scope, node.id.name, unit);
      scope.types.add(node.id.name);
    }
    visitTypeParameters(node.typeParameters, scope, unit);
    if (node.superClass !== null) visit(node.superClass, scope, unit);
    visitAll([node.superTypeArguments ?? null, ...(node.implements ?? [])], scope, unit);
    for (const member of node.body.body) {
      if (member.type === "StaticBlock") {
        const block = createScope(scope);
        addVars(block, member.body, unit);
        visitBlock(member.body, block, unit);
        continue;
      }
      if (member.type === "TSIndexSignature") {
        visit(member, scope, unit);
        continue;
      }
      visitAll(member.decorators, scope, unit);
      if (member.computed) visit(member.key, scope, unit);
      if ("typeAnnotation" in member && member.typeAnnotation) {
        visit(member.typeAnnotation, scope, unit);
      }
      if (member.value === null) continue;
      if (isMethod(member)) {
        members.push(visitFunction(member.value as FunctionLike, scope, unit));
      } else if (member.static) {
        visit(member.value, scope, unit);
      } else {
        const field = openUnit(member, unit);
        members.push(field);
        visit(member.value, scope, field);
      }
    }
    if (node.id !== null) findLocal(scope, node.id.name)?.units.push(...members);
  };

  const visitTypeParameters = (
    declaration: Node | null | undefined,
    scope: Scope,
    unit: Unit,
  ): void => {
    if (declaration?.type !== "TSTypeParameterDeclaration") return;
    for (const { name } of declaration.params) scope.types.add(name.name);
    visitAll(declaration.params, scope, unit);
  };

  const visitCall = (node: CallExpression | NewExpression, scope: Scope, unit: Unit): void => {
    const callee = unwrap(node.callee);
    const runs = notes.call(node);
    if (isFunctionNode(callee)) {
      // What an async function or generator does after its first pause may run later.
      const at = callee.async || callee.generator ? unit.inline : unit.immediate;
      at.add(openUnit(callee, unit));
    }
    for (const argument of runs) unit.inline.add(openUnit(argument, unit));
    visitAll(childrenOf(node), scope, unit);
  };

  const visit: Visit = (node, scope, unit) => {
    switch (node.type) {
      case "Identifier":
        refer(node, "value", scope, unit);
        if (node.typeAnnotation) visit(node.typeAnnotation, scope, unit);
        return;
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
      case "TSDeclareFunction":
      case "TSEmptyBodyFunctionExpression":
        visitFunction(node, scope, unit);
        return;
      case "ClassDeclaration":
      case "ClassExpression":
        visitClass(node, scope, unit);
        return;
      case "BlockStatement":
        visitBlock(node.body, scope, unit);
        return;
      case "TSModuleDeclaration": {
        if (node.declare || node.global || node.body === null) return;
        const inner = createScope(scope);
        addVars(inner, node.body.body, unit);
        visitBlock(node.body.body, inner, unit);
        return;
      }
      case "SwitchStatement": {
        visit(node.discriminant, scope, unit);
        const inner = createScope(scope);
        for (const one of node.cases) addLexical(inner, one.consequent, unit);
        visitAll(node.cases, inner, unit);
        return;
      }
      case "ForStatement":
      case "ForInStatement":
      case "ForOfStatement": {
        const inner = createScope(scope);
        const head = node.type === "ForStatement" ? node.init : node.left;
        if (head?.type === "VariableDeclaration") addLexical(inner, [head], unit);
        if (node.type === "ForStatement") {
          visitAll([head, node.test, node.update], inner, unit);
        } else {
          if (node.left.type === "VariableDeclaration") visit(node.left, inner, unit);
          else visitTarget(node.left, inner, unit);
          visit(node.right, inner, unit);
        }
        visit(node.body, inner, unit);
        return;
      }
      case "CatchClause": {
        const inner = createScope(scope);
        if (node.param !== null) {
          addPattern(inner, node.param, unit);
          visitPattern(node.param, inner, unit);
        }
        visit(node.body, inner, unit);
        return;
      }
      case "VariableDeclarator":
        visitPattern(node.id, scope, unit);
        if (node.init === null) return;
        if (node.id.type === "Identifier" && isFunctionNode(unwrap(node.init))) {
          findLocal(scope, node.id.name)?.units.push(openUnit(unwrap(node.init), unit));
        }
        visit(node.init, scope, unit);
        return;
      case "VariableDeclaration":
        if (node.declare !== true) visitAll(node.declarations, scope, unit);
        return;
      case "AssignmentExpression":
        visitTarget(node.left, scope, unit);
        visit(node.right, scope, unit);
        return;
      case "UpdateExpression":
        visitTarget(node.argument, scope, unit);
        return;
      case "UnaryExpression":
        if (node.operator === "delete") notes.assign(unwrap(node.argument));
        visit(node.argument, scope, unit);
        return;
      case "CallExpression":
      case "NewExpression":
        visitCall(node, scope, unit);
        return;
      case "TaggedTemplateExpression":
        notes.tag(node);
        visitAll(childrenOf(node), scope, unit);
        return;
      case "MemberExpression":
        notes.member(node);
        visit(node.object, scope, unit);
        if (node.computed) visit(node.property, scope, unit);
        return;
      case "Property":
        if (node.computed) visit(node.key, scope, unit);
        if (node.shorthand) notes.shorthand(node.value);
        visit(node.value, scope, unit);
        return;
      case "ImportExpression": {
        const source = unwrap(node.source);
        const specifier =
          source.type === "Literal" && typeof source.value === "string" ? source.value : undefined;
        dynamicImports.push({ specifier, start: node.start });
        visitAll([node.source, node.options], scope, unit);
        return;
      }
      case "LabeledStatement":
        visit(node.body, scope, unit);
        return;
      case "BreakStatement":
      case "ContinueStatement":
      case "MetaProperty":
      case "ImportDeclaration":
      case "ExportAllDeclaration":
      case "TSImportEqualsDeclaration":
        return;
      case "ExportNamedDeclaration":
        if (node.declaration !== null) visit(node.declaration, scope, unit);
        return;
      default:
        if (visitTypeNode(node, scope, unit, { visit, refer, visitPattern })) return;
        visitAll(childrenOf(node), scope, unit);
    }
  };

  const top = openUnit(program);
  visitAll(program.body, createScope(), top);
  return { references, dynamicImports, units, top };
}

type FunctionLike = FunctionNode | ArrowFunctionExpression;

function isMethod(member: { type: string }): boolean {
  return member.type === "MethodDefinition" || member.type === "TSAbstractMethodDefinition";
}
