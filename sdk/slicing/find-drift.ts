import type {
  ArrowFunctionExpression,
  Class,
  Expression,
  Function as FunctionNode,
  Node,
  ObjectExpression,
} from "oxc-parser";
import { isFunctionNode, unwrap } from "./syntax.js";

/** What is known of the live values around a literal. */
export interface DriftProbe {
  /** What a name of the notebook or of Node holds. It may throw when the name holds nothing. */
  read(name: string): unknown;
  /**
   * Whether a value is sure to be what its expression makes again, as schemas are: it is accepted
   * wherever a call or another computed expression stands. @default none is
   */
  isMadeAgain?(value: unknown): boolean;
}

/**
 * Compares a literal in the text of a cell with what it made, as it is now. Answers `undefined`
 * when evaluating the literal again gives the same: equal keys and primitives, functions of the
 * same name and length, names that hold the identical value. Otherwise it answers the first
 * difference, or what cannot be compared, in words that follow "it cannot be captured:".
 */
export function findDrift(
  literal: Expression,
  value: unknown,
  probe: DriftProbe,
): string | undefined {
  return compare(literal, value, { probe, path: "", name: "" });
}

interface Place {
  readonly probe: DriftProbe;
  /** `.a[0]`, for messages. */
  readonly path: string;
  /** The name that a function without one of its own gets here. */
  readonly name: string;
}

function compare(expression: Node, value: unknown, place: Place): string | undefined {
  const node = unwrap(expression);
  switch (node.type) {
    case "ObjectExpression":
      return compareObject(node, value, place);
    case "ArrayExpression": {
      if (!Array.isArray(value)) return differs(place);
      if (value.length !== node.elements.length) return `${at(place)} has another length now`;
      for (const [index, element] of node.elements.entries()) {
        if (element === null || element.type === "SpreadElement") return unclear(place);
        const path = `${place.path}[${index}]`;
        const drift = compare(element, value[index], { ...place, path, name: "" });
        if (drift !== undefined) return drift;
      }
      return undefined;
    }
    case "ClassExpression":
      return compareFunction(node, value, place);
    default:
      if (isFunctionNode(node)) return compareFunction(node, value, place);
  }
  const known = evaluate(node, place.probe);
  if (known !== undefined) {
    return isSame(known.value, value) ? undefined : differs(place);
  }
  return place.probe.isMadeAgain?.(value) === true ? undefined : unclear(place);
}

function compareObject(node: ObjectExpression, value: unknown, place: Place): string | undefined {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return differs(place);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return differs(place);
  const left = new Set(Reflect.ownKeys(value));
  for (const property of node.properties) {
    if (property.type === "SpreadElement") return unclear(place);
    const name = keyOfProperty(property.key, property.computed);
    if (name === undefined) return unclear(place);
    const inner: Place = { ...place, path: `${place.path}.${name}`, name };
    const found = Object.getOwnPropertyDescriptor(value, name);
    if (found === undefined) return `${at(inner)} is gone`;
    left.delete(name);
    if (property.kind !== "init") {
      if (found[property.kind] === undefined) return differs(inner);
      continue;
    }
    if (!("value" in found)) return differs(inner);
    const drift = compare(property.value, found.value, inner);
    if (drift !== undefined) return drift;
  }
  const [added] = left;
  if (added === undefined) return undefined;
  return `${at({ ...place, path: `${place.path}.${String(added)}` })} was added after its declaration`;
}

function compareFunction(
  node: FunctionNode | ArrowFunctionExpression | Class,
  value: unknown,
  place: Place,
): string | undefined {
  if (typeof value !== "function") return differs(place);
  const name = node.id?.name ?? place.name;
  if (value.name !== name) return differs(place);
  if (node.type === "ClassExpression" || node.type === "ClassDeclaration") return undefined;
  const { params } = node as FunctionNode;
  const plain = params.findIndex(
    ({ type }) => type === "AssignmentPattern" || type === "RestElement",
  );
  if (value.length !== (plain === -1 ? params.length : plain)) return differs(place);
  if (Object.keys(value).length > 0) return `${at(place)} has properties of its own`;
  return undefined;
}

/** The value of an expression that only reads: a primitive, a name, or members of a name. */
function evaluate(node: Node, probe: DriftProbe): { value: unknown } | undefined {
  const inner = unwrap(node);
  switch (inner.type) {
    case "Literal":
      return { value: inner.value };
    case "TemplateLiteral":
      if (inner.expressions.length > 0) return undefined;
      return { value: inner.quasis[0]?.value.cooked };
    case "UnaryExpression": {
      const operand = evaluate(inner.argument, probe);
      if (operand === undefined) return undefined;
      if (inner.operator === "-") return { value: -(operand.value as number) };
      if (inner.operator === "+") return { value: +(operand.value as number) };
      if (inner.operator === "!") return { value: !operand.value };
      return inner.operator === "void" ? { value: undefined } : undefined;
    }
    case "Identifier":
      if (inner.name === "undefined") return { value: undefined };
      try {
        return { value: probe.read(inner.name) };
      } catch {
        return undefined;
      }
    case "MemberExpression": {
      const holder = evaluate(inner.object, probe);
      const key = inner.computed ? undefined : inner.property;
      if (holder === undefined || key?.type !== "Identifier") return undefined;
      if (holder.value === null || holder.value === undefined) return undefined;
      return { value: (holder.value as Record<string, unknown>)[key.name] };
    }
    default:
      return undefined;
  }
}

function isSame(known: unknown, value: unknown): boolean {
  if (known instanceof RegExp && value instanceof RegExp) {
    return known.source === value.source && known.flags === value.flags;
  }
  return Object.is(known, value);
}

function keyOfProperty(key: Node, computed: boolean): string | undefined {
  if (key.type === "Identifier" && !computed) return key.name;
  if (key.type === "Literal" && key.value !== null) return String(key.value);
  return undefined;
}

function at({ path }: Place): string {
  return path === "" ? "it" : `its ${path.replace(/^\./, "")}`;
}

function differs(place: Place): string {
  return `${at(place)} is not what its declaration says any more`;
}

function unclear(place: Place): string {
  return `${at(place)} holds functions beside data, or is computed, so its declaration may not say what it is now`;
}
