import type * as ts from "@tslab/typescript-for-tslab";
import type { TypeScript } from "./load-tslab.js";

/** The file in which tslab declares to a cell the names of the cells before it. */
const EARLIER_CELLS = "/__prev__.d.ts";

/**
 * tslab turns a name of an earlier cell into a property of `exports`, but overlooks `{ name }`, where
 * one word is both the key and the variable: the cell would end with "name is not defined". This
 * writes such a word out as `{ name: exports.name }`.
 */
export function writeOutShorthand(
  typescript: TypeScript,
  checker: ts.TypeChecker,
): ts.TransformerFactory<ts.SourceFile> {
  const { factory } = typescript;

  const isEarlier = (node: ts.ShorthandPropertyAssignment): boolean => {
    const original = typescript.getOriginalNode(node) as ts.ShorthandPropertyAssignment;
    const symbol = checker.getShorthandAssignmentValueSymbol(original);
    return (
      symbol?.declarations?.some((one) => one.getSourceFile().fileName.endsWith(EARLIER_CELLS)) ??
      false
    );
  };

  return (context) => {
    const visit = (node: ts.Node): ts.Node => {
      if (!typescript.isShorthandPropertyAssignment(node) || !isEarlier(node)) {
        return typescript.visitEachChild(node, visit, context);
      }
      const { text } = node.name;
      const variable = factory.createPropertyAccessExpression(
        factory.createIdentifier("exports"),
        factory.createIdentifier(text),
      );
      // `({ name = 1 } = value)`
      const initial = node.objectAssignmentInitializer;
      const value =
        initial === undefined
          ? variable
          : factory.createAssignment(
              variable,
              typescript.visitNode(initial, visit) as ts.Expression,
            );
      return typescript.setTextRange(
        factory.createPropertyAssignment(factory.createIdentifier(text), value),
        node,
      );
    };
    return (file) => typescript.visitEachChild(file, visit, context);
  };
}
