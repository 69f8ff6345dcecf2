import { parseSync, type Expression, type Statement } from "oxc-parser";
import { EkibenError } from "../core/errors.js";
import { findSecret } from "../notebook/environment.js";
import { findSecretForm, findSecretName } from "../notebook/secrets.js";

/**
 * Refuses sources that hold a secret, as `save()` refuses cells: a variable of a module by its name
 * or by what it holds, and texts with the form of a secret anywhere.
 * @param sources By path in the bundle, `src/…`.
 * @param allowed The variables that may look like a secret; `true` for all.
 * @throws CAPTURE_FAILED
 */
export function refuseSecrets(
  sources: Readonly<Record<string, string>>,
  allowed: readonly string[] | true,
  env: NodeJS.ProcessEnv,
): void {
  if (allowed === true) return;
  for (const [path, text] of Object.entries(sources)) {
    const file = path.replace(/^src\//, "").replaceAll("_up/", "../");
    let rest = text;
    for (const { name, value, line } of readVariables(file, text)) {
      if (allowed.includes(name)) {
        for (const one of listTexts(value)) rest = withoutText(rest, one);
        continue;
      }
      const reason = findReason(name, value, env);
      if (reason === undefined) continue;
      throw new EkibenError("CAPTURE_FAILED", {
        detail: `\`${name}\` of ${file}:${line} cannot be saved: ${reason}.`,
        hint: `Read it from the environment where the service runs: take process.env in .setup(), or where it is used. If it is no secret, --allow-secrets ${name}.`,
      });
    }
    const form = findSecretForm(rest);
    if (form === undefined) continue;
    throw new EkibenError("CAPTURE_FAILED", {
      detail: `The source ${file} holds ${form}, which would be saved with it.`,
      hint: "Read it from the environment where the service runs: process.env.NAME. If it is no secret, --allow-secrets all.",
    });
  }
}

function findReason(name: string, value: unknown, env: NodeJS.ProcessEnv): string | undefined {
  const form = listTexts(value).map(findSecretForm).find(Boolean);
  if (form !== undefined) return `it holds ${form}`;
  const path = findSecretName(name, value);
  if (path !== undefined) return `by its name \`${path}\` is a secret`;
  const variable = findSecret(JSON.stringify(listTexts(value)), env);
  if (variable === undefined) return undefined;
  return `it holds the environment variable ${variable}, which is not to be saved`;
}

interface Variable {
  readonly name: string;
  /** Its literal parts: what is computed is computed where the bundle runs. */
  readonly value: unknown;
  /** Counts from 1. */
  readonly line: number;
}

/** The variables of a module that hold texts, or the whole of a JSON file. */
function readVariables(file: string, text: string): Variable[] {
  if (file.endsWith(".json")) {
    try {
      return [
        { name: /(?<![^/])([^/]+)\.json$/.exec(file)![1]!, value: JSON.parse(text), line: 1 },
      ];
    } catch {
      return [];
    }
  }
  if (!/\.[cm]?[jt]sx?$/.test(file)) return [];
  const { program } = parseSync(file, text);
  return program.body.flatMap((statement) => {
    const declared =
      statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    return declared?.type === "VariableDeclaration" ? readDeclaration(declared, text) : [];
  });
}

function readDeclaration(
  { declarations }: Extract<Statement, { type: "VariableDeclaration" }>,
  text: string,
): Variable[] {
  return declarations.flatMap(({ id, init, start }) => {
    if (id.type !== "Identifier" || !init) return [];
    const value = readLiteral(init);
    if (value === undefined) return [];
    return [{ name: id.name, value, line: text.slice(0, start).split("\n").length }];
  });
}

function readLiteral(node: Expression): unknown {
  switch (node.type) {
    case "Literal":
      return typeof node.value === "string" ? node.value : undefined;
    case "TemplateLiteral":
      return node.expressions.length === 0 ? node.quasis[0]?.value.cooked : undefined;
    case "TSAsExpression":
    case "TSSatisfiesExpression":
    case "ParenthesizedExpression":
      return readLiteral(node.expression);
    case "ArrayExpression":
      return node.elements.flatMap((element) =>
        element === null || element.type === "SpreadElement" ? [] : (readLiteral(element) ?? []),
      );
    case "ObjectExpression":
      return new Map(
        node.properties.flatMap((property): [string, unknown][] => {
          if (property.type !== "Property" || property.computed) return [];
          const { key } = property;
          if (key.type !== "Identifier" && key.type !== "Literal") return [];
          const name = key.type === "Identifier" ? key.name : String(key.value);
          return [[name, readLiteral(property.value)]];
        }),
      );
    default:
      return undefined;
  }
}

function listTexts(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  const held = value instanceof Map ? [...value.values()] : Object.values(value);
  return held.flatMap(listTexts);
}

/** Source without a text, as it stands between quotes or backticks. */
function withoutText(source: string, text: string): string {
  if (text === "") return source;
  return source.replaceAll(text, "").replaceAll(JSON.stringify(text).slice(1, -1), "");
}
