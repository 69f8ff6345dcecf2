import type { Expression } from "oxc-parser";
import type { Declaration } from "./find-declarations.js";
import type { BindingId, Cell } from "./notebook.js";
import { unwrap } from "./syntax.js";

export type InitializerKind =
  | "none"
  | "literal"
  | "object"
  | "array"
  | "function"
  | "class"
  | "call"
  | "new"
  | "name"
  | "other";

/** A variable that the service needs, as a question about what it holds. */
export interface BindingQuestion extends BindingId {
  /** The number of its cell in `[ ]`. */
  readonly cell: number;
  readonly declared: "const" | "let" | "var" | "function" | "class" | "enum" | "namespace";
  /** What its declaration gives to it. */
  readonly initializer: {
    readonly kind: InitializerKind;
    /** Absent when the variable takes only a part of the value: `const { a } = …`. */
    readonly node?: Expression;
    readonly text: string;
  };
  /** The variables of the notebook that the names in the initializer meant when it ran. */
  readonly references: ReadonlyMap<string, BindingId>;
}

/**
 * How to capture a variable. `source`: the text of its declaration makes the same value again.
 * `value`: what it holds is data, with instances of the given classes in it. `model`: it holds a
 * model that the bundle has files of; its place in `values` is for what stands for the model.
 */
export type Classification =
  | { readonly kind: "source" }
  | { readonly kind: "value"; readonly classes?: readonly BindingId[] }
  | { readonly kind: "model" }
  | { readonly kind: "refused"; readonly reason: string; readonly hint?: string };

export type Classify = (question: BindingQuestion) => Classification;

export function toQuestion(
  cell: Cell,
  name: string,
  declaration: Declaration,
  references: ReadonlyMap<string, BindingId>,
): BindingQuestion {
  const { kind, node } = declaration;
  const declarator = node.type === "VariableDeclarator" ? node : undefined;
  const init = declarator?.init ?? undefined;
  const whole = declarator?.id.type === "Identifier";
  return {
    execution: cell.id,
    name,
    cell: cell.number,
    declared: kind as BindingQuestion["declared"],
    initializer: {
      kind: toKind(declaration, init),
      node: whole ? init : undefined,
      text: init === undefined ? "" : cell.source.slice(init.start, init.end),
    },
    references,
  };
}

function toKind({ kind }: Declaration, init: Expression | undefined): InitializerKind {
  if (kind === "function" || kind === "class") return kind;
  if (init === undefined) return "none";
  const node = unwrap(init);
  const inner = node.type === "AwaitExpression" ? unwrap(node.argument) : node;
  switch (inner.type) {
    case "Literal":
    case "TemplateLiteral":
      return "literal";
    case "ObjectExpression":
      return "object";
    case "ArrayExpression":
      return "array";
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      return "function";
    case "ClassExpression":
      return "class";
    case "CallExpression":
      return "call";
    case "NewExpression":
      return "new";
    case "Identifier":
    case "MemberExpression":
      return "name";
    default:
      return "other";
  }
}
