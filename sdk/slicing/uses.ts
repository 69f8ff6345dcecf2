import type {
  CallExpression,
  MemberExpression,
  NewExpression,
  Node,
  TaggedTemplateExpression,
} from "oxc-parser";
import { isFunctionNode, methodOf, rootOf, unwrap } from "./syntax.js";

/** How a name is used where it stands. */
export interface Use {
  /** It is given another value: `x = 1`, `x++`, `[x] = list`, `for (x of list)`. */
  readonly write: boolean;
  /** What it holds is changed by an assignment: `x.a = 1`, `delete x.a`, `Object.assign(x, …)`. */
  readonly assignsMember: boolean;
  /** What it holds is changed, by an assignment or by a method that is known to: `x.push(1)`. */
  readonly mutates: boolean;
  /** `directly`: `x()`, `new x()`, or given to something that calls it at once, as `map` does. */
  readonly called?: "directly" | "by member";
  /** The methods that are called on it: `a` and `b` of `x.a().b()`. */
  readonly methods: readonly string[];
  /** What it gets as arguments when it is called directly. */
  readonly passed: readonly Node[];
  /** The member that is asked of it: `a` of `x.a.b`. */
  readonly member?: string;
  /** Written as `{ x }`: another name for it has to keep the key. */
  readonly shorthand: boolean;
}

/** Methods of arrays and of the like that run what they are given before they return. */
const RUNS_ARGUMENT: ReadonlySet<string> = new Set([
  ..."map forEach filter reduce reduceRight flatMap some every find findIndex findLast".split(" "),
  ..."findLastIndex sort toSorted replace replaceAll from fromAsync groupBy then finally".split(
    " ",
  ),
]);

const MUTATORS: ReadonlySet<string> = new Set(
  "push pop shift unshift splice sort reverse fill copyWithin set add delete clear".split(" "),
);

const CHANGES_FIRST_ARGUMENT: ReadonlySet<string> = new Set([
  "assign",
  "defineProperty",
  "defineProperties",
  "setPrototypeOf",
  "freeze",
]);

interface Note {
  write: boolean;
  assignsMember: boolean;
  mutates: boolean;
  called?: "directly" | "by member";
  methods: string[];
  passed: Node[];
  member?: string;
  shorthand: boolean;
}

const NO_USE: Use = {
  write: false,
  assignsMember: false,
  mutates: false,
  methods: [],
  passed: [],
  shorthand: false,
};

/** Collects how identifiers are used, from the expressions around them, before they are visited. */
export function createUseNotes() {
  const notes = new Map<Node, Note>();

  const note = (node: Node): Note => {
    let found = notes.get(node);
    if (found === undefined) notes.set(node, (found = { ...NO_USE, methods: [], passed: [] }));
    return found;
  };

  const noteChange = (node: Node, assigns: boolean): void => {
    const root = memberRootOf(node);
    if (root.type !== "Identifier") return;
    const found = note(root);
    found.mutates = true;
    if (assigns) found.assignsMember = true;
  };

  const noteCalled = (callee: Node, passed: readonly Node[] = []): void => {
    const inner = unwrap(callee);
    const root = rootOf(inner);
    if (root.type !== "Identifier") return;
    const found = note(root);
    if (root === inner) {
      found.called = "directly";
      found.passed.push(...passed.map(unwrap));
    } else found.called ??= "by member";
    const method = methodOf(inner);
    if (method !== undefined) found.methods.push(method);
  };

  return {
    of: (node: Node): Use => notes.get(node) ?? NO_USE,

    shorthand(node: Node): void {
      const target = node.type === "AssignmentPattern" ? node.left : unwrap(node);
      if (target.type === "Identifier") note(target).shorthand = true;
    },

    assign(target: Node): void {
      if (target.type === "Identifier") note(target).write = true;
      else noteChange(target, true);
    },

    member({ object, property, computed }: MemberExpression): void {
      const holder = unwrap(object);
      if (holder.type !== "Identifier") return;
      if (!computed && property.type === "Identifier") note(holder).member = property.name;
      if (property.type === "Literal") note(holder).member = String(property.value);
    },

    tag(node: TaggedTemplateExpression): void {
      noteCalled(node.tag);
    },

    /** Notes a call and answers the functions among its arguments that it runs at once. */
    call(node: CallExpression | NewExpression): Node[] {
      const callee = unwrap(node.callee);
      noteCalled(callee, node.arguments);
      const method = methodOf(callee);
      if (method !== undefined && callee.type === "MemberExpression") {
        if (MUTATORS.has(method)) noteChange(callee.object, false);
        const holder = unwrap(callee.object);
        const [first] = node.arguments;
        if (
          holder.type === "Identifier" &&
          (holder.name === "Object" || holder.name === "Reflect") &&
          CHANGES_FIRST_ARGUMENT.has(method) &&
          first !== undefined
        ) {
          noteChange(first, true);
        }
        // `f.call(…)`, `f.apply(…)`, and `f.bind(…)`, which may be called at once.
        if (method === "call" || method === "apply") noteCalled(callee.object);
      }
      const isPromise = callee.type === "Identifier" && callee.name === "Promise";
      if (!isPromise && (method === undefined || !RUNS_ARGUMENT.has(method))) return [];
      const run: Node[] = [];
      for (const argument of node.arguments) {
        const inner = unwrap(argument);
        if (isFunctionNode(inner)) run.push(inner);
        else if (inner.type === "Identifier") note(inner).called = "directly";
      }
      return run;
    },
  };
}

/** `a` of `a.b[c].d`: what changes when a member is assigned. Calls in between make a new thing. */
function memberRootOf(node: Node): Node {
  const inner = unwrap(node);
  return inner.type === "MemberExpression" ? memberRootOf(inner.object) : inner;
}
