import type { Node } from "oxc-parser";
import type { Declaration } from "./find-declarations.js";
import type { Change } from "./find-changes.js";
import { type Cell, lineOf } from "./notebook.js";
import { refuse } from "./refuse.js";
import { childrenOf, unwrap } from "./syntax.js";

/**
 * Refuses a variable whose declaration no longer says what it holds: what is captured by source
 * must not have been assigned or changed after its declaration.
 */
export function checkSource(
  { name, cell }: { readonly name: string; readonly cell: Cell },
  declarations: readonly Declaration[],
  changes: readonly Change[],
): void {
  const written = changes.find(({ reference }) => reference.write);
  if (written !== undefined) {
    refuse(
      `\`${name}\` of cell [${cell.number}] is captured by source, but ${placeOf(written)} assigns to it.`,
      { hint: "Give the result of that assignment a name of its own, declared with `const`." },
    );
  }
  const variables = declarations.filter(({ kind }) => kind !== "function" && kind !== "namespace");
  if (variables.length > 1) {
    refuse(`\`${name}\` is declared more than once in cell [${cell.number}].`, {
      hint: `Declare \`${name}\` once in its cell.`,
    });
  }
  if (declarations.some(({ nested }) => nested)) {
    refuse(`\`${name}\` is declared inside of a block of cell [${cell.number}].`, {
      hint: `Declare \`${name}\` with \`const\` at the top level of the cell.`,
    });
  }
  if (declarations.some(({ node }) => changesItself(node))) {
    refuse(
      `A static member of \`${name}\` of cell [${cell.number}] assigns to \`this\`, and what the class holds now is not in its text.`,
      { hint: `Keep what changes in a variable at the top level of cell [${cell.number}].` },
    );
  }
  if (declarations.every(isLiteral)) return;
  const changed = changes.find(({ reference }) => reference.assignsMember);
  if (changed !== undefined) {
    refuse(
      `\`${name}\` of cell [${cell.number}] is captured by source, but ${placeOf(changed)} changes what it holds.`,
      {
        hint: `Keep what changes in a variable of its own, or say it where \`${name}\` is declared.`,
      },
    );
  }
}

/** Literals are compared with what they hold, member by member, when they are classified. */
function isLiteral({ node }: Declaration): boolean {
  if (node.type !== "VariableDeclarator" || node.init === null) return false;
  const { type } = unwrap(node.init);
  return type === "ObjectExpression" || type === "ArrayExpression";
}

/** Whether a static method of a class assigns to members of the class by `this`. */
function changesItself(node: Node): boolean {
  if (node.type === "VariableDeclarator")
    return node.init !== null && changesItself(unwrap(node.init));
  if (node.type !== "ClassDeclaration" && node.type !== "ClassExpression") return false;
  return node.body.body.some(
    (member) => member.type === "MethodDefinition" && member.static && assignsThis(member.value),
  );
}

function assignsThis(node: Node): boolean {
  const target =
    node.type === "AssignmentExpression"
      ? node.left
      : node.type === "UpdateExpression"
        ? node.argument
        : undefined;
  if (target !== undefined && holderOf(target).type === "ThisExpression") return true;
  return childrenOf(node).some(
    // Other functions and classes have a `this` of their own.
    (inner) =>
      ![
        "FunctionExpression",
        "FunctionDeclaration",
        "ClassExpression",
        "ClassDeclaration",
      ].includes(inner.type) && assignsThis(inner),
  );
}

function holderOf(node: Node): Node {
  const inner = unwrap(node);
  return inner.type === "MemberExpression" ? holderOf(inner.object) : inner;
}

export function placeOf({ cell, reference }: Pick<Change, "cell" | "reference">): string {
  const line = lineOf(cell.source, reference.start);
  return line === 1 ? `cell [${cell.number}]` : `cell [${cell.number}], line ${line},`;
}
