import {
  type BindingQuestion,
  type Classification,
  type Classify,
  toQuestion,
} from "./classify.js";
import { type Declaration, declaresType, declaresValue } from "./find-declarations.js";
import type { Change } from "./find-changes.js";
import type { Reference } from "./find-references.js";
import { type BindingId, type Cell, keyOf, type Notebook, standsIn } from "./notebook.js";
import { checkSource } from "./check-source.js";
import { findMadeGlobals, globalOf } from "./made-globals.js";
import { printPath, refuse } from "./refuse.js";
import { type Meaning, type NameResolver, sameMeaning } from "./resolve-names.js";
import { isAwaitedImport, isPrimitiveLiteral } from "./syntax.js";
import { unitsRunBy } from "./unit.js";

export type Capture = "import" | "source" | "value" | "model";

/** A variable or type that the program keeps. */
export interface Kept extends BindingId {
  readonly cell: Cell;
  /** How its value is captured; absent while only types mention it. */
  capture?: Capture;
  /** Its types are needed. */
  types: boolean;
  /** Types ask for the type of its value. */
  typeofs: boolean;
  /** Declared only because it shares a pattern with a name that is needed. */
  beside: boolean;
  /** The names that lead from the service to it. */
  readonly path: readonly string[];
  /** The classes that its value has instances of. */
  classes: readonly BindingId[];
  /** The uses in captured code. */
  readonly uses: { readonly cell: Cell; readonly reference: Reference }[];
}

export interface Captured {
  readonly kept: ReadonlyMap<string, Kept>;
  /** What every reference in captured code means, by execution. */
  readonly meanings: ReadonlyMap<Cell, ReadonlyMap<Reference, Meaning>>;
  /** Names that nobody declares. */
  readonly unknown: readonly { readonly cell: Cell; readonly reference: Reference }[];
  /** `import()`s in captured code. */
  readonly dynamicImports: readonly {
    readonly cell: Cell;
    readonly specifier?: string;
    readonly start: number;
  }[];
}

export interface CaptureFacts {
  readonly notebook: Notebook;
  readonly resolver: NameResolver;
  readonly changes: ReadonlyMap<string, readonly Change[]>;
  readonly classify: Classify;
}

/** Follows the names from the service to everything that it needs, and decides how to keep each. */
export function captureFrom(entry: BindingId, facts: CaptureFacts): Captured {
  const { notebook, resolver } = facts;
  const madeGlobals = findMadeGlobals(notebook);
  const kept = new Map<string, Kept>();
  const meanings = new Map<Cell, Map<Reference, Meaning>>();
  const unknown: { cell: Cell; reference: Reference }[] = [];
  const dynamicImports: { cell: Cell; specifier?: string; start: number }[] = [];
  const visited = new Set<Declaration>();
  const waiting: (() => void)[] = [];

  const open = (binding: BindingId, path: readonly string[]): Kept => {
    const key = keyOf(binding);
    const known = kept.get(key);
    if (known !== undefined) return known;
    const cell = notebook.cells.get(binding.execution);
    if (cell === undefined || !cell.declarations.has(binding.name)) {
      refuse(`The kernel has no record of the cell that declares \`${binding.name}\`.`, {
        hint: "Run the cell that declares it again.",
      });
    }
    const made: Kept = {
      ...binding,
      cell,
      types: false,
      typeofs: false,
      beside: false,
      path: [...path, binding.name],
      classes: [],
      uses: [],
    };
    kept.set(key, made);
    return made;
  };

  const keepValue = (one: Kept, forced = false): void => {
    if (one.capture !== undefined) return;
    const declarations = one.cell.declarations.get(one.name)!.filter(declaresValue);
    const [declaration] = declarations;
    if (declaration === undefined) {
      refuse(`\`${one.name}\` of cell [${one.cell.number}] is a type, but is used as a value.`, {
        hint: `Run the cell that declares the value \`${one.name}\` again.`,
      });
    }
    if (declaration.kind === "import") {
      one.capture = "import";
      return;
    }
    const answer = forced ? SOURCE : ask(one, declarations);
    one.capture = answer.kind;
    if (answer.kind === "value") one.classes = answer.classes ?? [];
    if (answer.kind !== "source") {
      checkPattern(one, declaration);
      for (const made of one.classes) {
        const needed = open(made, one.path);
        waiting.push(() => keepValue(needed));
      }
      return;
    }
    checkSource(one, declarations, facts.changes.get(keyOf(one)) ?? []);
    for (const kind of declarations) visit(one, kind);
    for (const { name } of declaration.names) {
      if (name === one.name) continue;
      const other = open({ execution: one.execution, name }, one.path);
      if (other.capture === undefined) other.beside = true;
      else checkPattern(other, declaration);
    }
  };

  const ask = (
    one: Kept,
    declarations: readonly Declaration[],
  ): Exclude<Classification, Refused> => {
    const declaration = declarations[0]!;
    if (declaration.kind === "unsupported") {
      refuse(`\`${one.name}\` ${inCell(one)} is declared in a way that cannot be captured.`, {
        hint: "Declare it with `import`, `const`, `function` or `class`.",
      });
    }
    const { node } = declaration;
    const variable = node.type === "VariableDeclarator" && node.init !== null ? node : undefined;
    if (variable !== undefined && isAwaitedImport(variable.init!)) return SOURCE;
    const question = toQuestion(
      one.cell,
      one.name,
      declaration,
      namesAtOnce(one.cell, declaration),
    );
    const answer = facts.classify(question);
    if (answer.kind === "refused") {
      refuse(
        `\`${one.name}\` ${inCell(one)} cannot be captured: ${answer.reason}.${printPath(one.path)}`,
        { hint: answer.hint ?? adviceFor(question) },
      );
    }
    // Its text says all, and is easier to read. It was asked about all the same: it may be a secret.
    const single = declaration.kind === "const" && variable?.id.type === "Identifier";
    if (single && isPrimitiveLiteral(variable.init!)) return SOURCE;
    if (answer.kind !== "source" && ["function", "class"].includes(declaration.kind)) {
      refuse(`The ${declaration.kind} \`${one.name}\` ${inCell(one)} holds another value now.`, {
        hint: `Run cell [${one.cell.number}] again, and give the other value a name of its own.`,
      });
    }
    return answer;
  };

  /** A pattern is either evaluated again or not: parts of its value cannot be had in two ways. */
  const checkPattern = (one: Kept, declaration: Declaration): void => {
    const other = declaration.names
      .map(({ name }) => kept.get(keyOf({ execution: one.execution, name })))
      .find(
        (found) =>
          found?.capture !== undefined &&
          (found.capture === "source") !== (one.capture === "source"),
      );
    if (other === undefined) return;
    const [value, source] = one.capture === "source" ? [other, one] : [one, other];
    refuse(
      `\`${value.name}\` and \`${source.name}\` ${inCell(one)} come from one pattern, but \`${value.name}\` is captured by value and \`${source.name}\` by source.`,
      { hint: `Declare \`${value.name}\` and \`${source.name}\` in two declarations.` },
    );
  };

  const namesAtOnce = (cell: Cell, { node }: Declaration): Map<string, BindingId> => {
    const found = new Map<string, BindingId>();
    for (const unit of cell.atOnce) {
      for (const reference of cell.referencesOf.get(unit) ?? []) {
        if (reference.space !== "value" || !standsIn(reference, node)) continue;
        const meaning = resolver.whileRunning(cell, reference);
        if (meaning.kind === "binding") found.set(reference.name, meaning.binding);
      }
    }
    return found;
  };

  /** Follows the names in the text of a declaration. */
  const visit = (from: Kept, declaration: Declaration): void => {
    if (visited.has(declaration)) return;
    visited.add(declaration);
    const { cell, path } = from;
    const known = meanings.get(cell) ?? new Map<Reference, Meaning>();
    meanings.set(cell, known);
    const runs = unitsRunBy(cell.top);
    for (const reference of cell.references) {
      if (!standsIn(reference, declaration.node)) continue;
      const meaning = meaningOf(from, reference, runs.has(reference.unit));
      known.set(reference, meaning);
      // A type that no cell declares is TypeScript's own, such as `Record`, or has failed to compile.
      if (meaning.kind === "unknown" && reference.space === "value")
        unknown.push({ cell, reference });
      if (meaning.kind !== "binding") continue;
      const target = open(meaning.binding, path);
      if (reference.space === "type") waiting.push(() => keepTypes(target));
      else if (reference.space === "typeof") target.typeofs = true;
      else {
        target.uses.push({ cell, reference });
        waiting.push(() => keepValue(target));
      }
    }
    for (const { specifier, start } of cell.dynamicImports) {
      if (standsIn({ start }, declaration.node)) dynamicImports.push({ cell, specifier, start });
    }
  };

  const meaningOf = (from: Kept, reference: Reference, runs: boolean): Meaning => {
    const { cell } = from;
    const name = globalOf(reference);
    const maker = name === undefined ? undefined : madeGlobals.get(name);
    if (maker !== undefined && resolver.now(cell, reference).kind !== "binding") {
      refuse(
        `\`${from.name}\` ${inCell(from)} uses the global \`${name}\`, which cell [${maker.number}] made.`,
        { hint: `Declare \`${name}\` as a variable of cell [${maker.number}].` },
      );
    }
    if (reference.space !== "value" || cell.atOnce.has(reference.unit)) {
      return checkMeaning(from, reference, resolver.whileRunning(cell, reference));
    }
    const now = resolver.now(cell, reference);
    if (runs && !sameMeaning(now, resolver.whileRunning(cell, reference))) {
      refuse(
        `\`${reference.name}\` has been declared again since cell [${cell.number}] made \`${from.name}\` with it.`,
        { hint: `Run cell [${cell.number}] again.` },
      );
    }
    return checkMeaning(from, reference, now);
  };

  const keepTypes = (one: Kept): void => {
    if (one.types) return;
    one.types = true;
    for (const declaration of one.cell.declarations.get(one.name)!) {
      if (!declaresType(declaration) || declaration.kind === "import") continue;
      // A class is kept as a class only when code needs it; a type by that name is enough for types.
      if (declaration.kind === "class") continue;
      visit(one, declaration);
    }
  };

  keepValue(open(entry, []), true);
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next();
  return { kept, meanings, unknown, dynamicImports };
}

type Refused = { readonly kind: "refused" };
const SOURCE = { kind: "source" } as const;

/** Names that exist in a cell but in no module. */
const NOT_IN_MODULES: ReadonlyMap<string, string> = new Map([
  ["require", "Use `import`."],
  ["exports", "Use the variables of the notebook by their names."],
  ["eval", "Write the code out: what `eval` runs cannot be followed."],
]);

function checkMeaning(from: Kept, reference: Reference, meaning: Meaning): Meaning {
  if (meaning.kind === "broken" && reference.space === "value") {
    refuse(`${meaning.detail}${printPath([...from.path, reference.name])}`, { hint: meaning.hint });
  }
  const hint = NOT_IN_MODULES.get(reference.name);
  if (meaning.kind !== "binding" && hint !== undefined && reference.space === "value") {
    refuse(
      `\`${from.name}\` ${inCell(from)} uses \`${reference.name}\`, which a bundle cannot have.`,
      { hint },
    );
  }
  return meaning;
}

function adviceFor({ name, cell }: BindingQuestion): string {
  return `Make \`${name}\` inside of the service, for instance in \`.setup()\`, or keep only data in the variable of cell [${cell}].`;
}

export function inCell({ cell }: { readonly cell: Cell }): string {
  return `of cell [${cell.number}]`;
}
