import {
  type ArrowFunctionExpression,
  type Expression,
  type Function as FunctionNode,
  type Node,
  visitorKeys,
} from "oxc-parser";

/** The nodes below a node, in the order of the text. */
export function childrenOf(node: Node): Node[] {
  const children: Node[] = [];
  for (const key of visitorKeys[node.type] ?? []) {
    const child = (node as unknown as Record<string, unknown>)[key];
    for (const entry of Array.isArray(child) ? child : [child]) {
      if (entry !== null && typeof entry === "object") children.push(entry as Node);
    }
  }
  return children;
}

/** The expression inside parentheses and type assertions, which change nothing when code runs. */
export function unwrap(node: Node): Node {
  switch (node.type) {
    case "ParenthesizedExpression":
    case "TSAsExpression":
    case "TSSatisfiesExpression":
    case "TSTypeAssertion":
    case "TSNonNullExpression":
    case "TSInstantiationExpression":
    case "ChainExpression":
      return unwrap(node.expression);
    default:
      return node;
  }
}

/** The expression at the left end of a chain of members and calls: `a` of `a.b(c)[d].e`. */
export function rootOf(node: Node): Node {
  const inner = unwrap(node);
  switch (inner.type) {
    case "MemberExpression":
      return rootOf(inner.object);
    case "CallExpression":
      return rootOf(inner.callee);
    default:
      return inner;
  }
}

/** The name of the method that `callee` calls, when it is written plainly. */
export function methodOf(callee: Node): string | undefined {
  const inner = unwrap(callee);
  if (inner.type !== "MemberExpression" || inner.computed) return undefined;
  return inner.property.type === "Identifier" ? inner.property.name : undefined;
}

export function isFunctionNode(node: Node): node is FunctionNode | ArrowFunctionExpression {
  return node.type === "FunctionExpression" || node.type === "ArrowFunctionExpression";
}

/** Whether an expression is a literal that can hold only one value: a number, a text, `-1`, `null`. */
export function isPrimitiveLiteral(expression: Expression): boolean {
  const node = unwrap(expression);
  if (node.type === "Literal") return !("regex" in node);
  if (node.type === "TemplateLiteral") return node.expressions.length === 0;
  return (
    node.type === "UnaryExpression" &&
    (node.operator === "-" || node.operator === "+") &&
    node.argument.type === "Literal" &&
    typeof node.argument.value === "number"
  );
}

/** Whether an expression is `await import("module")`: an import in the form of a declaration. */
export function isAwaitedImport(expression: Expression): boolean {
  const node = unwrap(expression);
  if (node.type !== "AwaitExpression") return false;
  const inner = unwrap(node.argument);
  return inner.type === "ImportExpression" && inner.source.type === "Literal";
}

/** Where the names stand that a pattern declares, in the order of the text. */
export interface BoundName {
  name: string;
  start: number;
  /** Written as `{ name }`: giving it another name has to keep the key. */
  shorthand: boolean;
}

export function namesOf(pattern: Node, shorthand = false): BoundName[] {
  switch (pattern.type) {
    case "Identifier":
      return [{ name: pattern.name, start: pattern.start, shorthand }];
    case "ObjectPattern":
      return pattern.properties.flatMap((property) =>
        property.type === "Property"
          ? namesOf(property.value, property.shorthand)
          : namesOf(property.argument),
      );
    case "ArrayPattern":
      return pattern.elements.flatMap((element) => (element === null ? [] : namesOf(element)));
    case "AssignmentPattern":
      return namesOf(pattern.left, shorthand);
    case "RestElement":
      return namesOf(pattern.argument);
    case "TSParameterProperty":
      return namesOf(pattern.parameter);
    default:
      return [];
  }
}
