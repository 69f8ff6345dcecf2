import type { Node } from "oxc-parser";
import type { Space, Visit } from "./find-references.js";
import { addPattern, createScope, type Scope } from "./scope.js";
import { childrenOf } from "./syntax.js";
import type { Unit } from "./unit.js";

interface Visitors {
  visit: Visit;
  refer(node: Node & { name: string }, space: Space, scope: Scope, unit: Unit): void;
  visitPattern: Visit;
}

/** Visits a node that only types are made of; `false` when the node is not one of them. */
export function visitTypeNode(
  node: Node,
  scope: Scope,
  unit: Unit,
  { visit, refer, visitPattern }: Visitors,
): boolean {
  const visitAll = (nodes: readonly (Node | null | undefined)[], inner = scope): void => {
    for (const one of nodes) if (one) visit(one, inner, unit);
  };
  const referName = (name: Node, space: Space): void => {
    const left = leftmost(name);
    if (left?.type === "Identifier") refer(left, space, scope, unit);
  };
  const withTypes = (names: readonly string[]): Scope => {
    const inner = createScope(scope);
    for (const name of names) inner.types.add(name);
    return inner;
  };

  switch (node.type) {
    case "TSTypeReference":
      referName(node.typeName, "type");
      visitAll([node.typeArguments]);
      return true;
    case "TSTypeQuery":
      if (node.exprName.type === "TSImportType") visitAll([node.exprName]);
      else referName(node.exprName, "typeof");
      visitAll([node.typeArguments]);
      return true;
    case "TSInterfaceHeritage":
    case "TSClassImplements":
      referName(node.expression, "type");
      visitAll([node.typeArguments]);
      return true;
    case "TSTypePredicate":
      visitAll([node.typeAnnotation]);
      return true;
    case "TSImportType":
      visitAll([node.typeArguments]);
      return true;
    case "TSNamedTupleMember":
      visitAll([node.elementType]);
      return true;
    case "TSPropertySignature":
      if (node.computed) referName(node.key, "typeof");
      visitAll([node.typeAnnotation]);
      return true;
    case "TSTypeParameter":
      visitAll([node.constraint, node.default]);
      return true;
    case "TSMappedType": {
      const inner = withTypes([node.key.name]);
      visitAll([node.constraint]);
      visitAll([node.nameType, node.typeAnnotation], inner);
      return true;
    }
    case "TSConditionalType": {
      const inner = withTypes(findInferred(node.extendsType));
      visitAll([node.checkType, node.falseType]);
      visitAll([node.extendsType, node.trueType], inner);
      return true;
    }
    case "TSInferType":
      visitAll([node.typeParameter.constraint]);
      return true;
    case "TSIndexSignature":
      visitAll([...node.parameters.map((one) => one.typeAnnotation), node.typeAnnotation]);
      return true;
    case "TSTypeAliasDeclaration":
    case "TSInterfaceDeclaration": {
      const params = node.typeParameters?.params ?? [];
      const inner = withTypes(params.map(({ name }) => name.name));
      visitAll(params, inner);
      if (node.type === "TSTypeAliasDeclaration") visitAll([node.typeAnnotation], inner);
      else visitAll([...node.extends, ...node.body.body], inner);
      return true;
    }
    case "TSMethodSignature":
    case "TSCallSignatureDeclaration":
    case "TSConstructSignatureDeclaration":
    case "TSFunctionType":
    case "TSConstructorType": {
      if (node.type === "TSMethodSignature" && node.computed) referName(node.key, "typeof");
      const params = node.typeParameters?.params ?? [];
      const inner = withTypes(params.map(({ name }) => name.name));
      visitAll(params, inner);
      for (const param of node.params) addPattern(inner, param, unit);
      for (const param of node.params) visitPattern(param, inner, unit);
      visitAll([node.returnType], inner);
      return true;
    }
    case "TSEnumDeclaration": {
      const inner = createScope(scope);
      for (const { id } of node.body.members) {
        // A member may name the members before it as if they were variables.
        if (id.type === "Identifier") addPattern(inner, id, unit);
        else if (id.type === "Literal") {
          addPattern(inner, { ...id, type: "Identifier", name: id.value } as Node, unit);
        }
      }
      visitAll(
        node.body.members.map(({ initializer }) => initializer),
        inner,
      );
      return true;
    }
    default:
      return false;
  }
}

function leftmost(name: Node): Node | undefined {
  switch (name.type) {
    case "Identifier":
      return name;
    case "TSQualifiedName":
      return leftmost(name.left);
    case "MemberExpression":
      return leftmost(name.object);
    default:
      return undefined;
  }
}

function findInferred(node: Node): string[] {
  const own = node.type === "TSInferType" ? [node.typeParameter.name.name] : [];
  return [...own, ...childrenOf(node).flatMap(findInferred)];
}
