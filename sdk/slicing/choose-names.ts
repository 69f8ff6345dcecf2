import type { Captured, Kept } from "./capture.js";
import { declaresType, declaresValue } from "./find-declarations.js";
import type { Notebook } from "./notebook.js";
import { importOf } from "./imports.js";

/** The names that the program gives to what it keeps, and to what it adds. */
export interface ChosenNames {
  readonly of: ReadonlyMap<Kept, string>;
  /** A name that stands nowhere in the notebook: `wanted`, or `wanted_2`, `wanted_3`, … */
  fresh(wanted: string): string;
}

/**
 * Chooses one name for each thing. What owns its name in the notebook now keeps it; others of that
 * name get a number. A value and a type may share a name, and so may equal imports.
 */
export function chooseNames(
  captured: Captured,
  notebook: Notebook,
  owners: ReadonlyMap<string, number>,
): ChosenNames {
  const words = new Set<string>();
  for (const { source } of notebook.cells.values()) {
    for (const [word] of source.matchAll(/[\p{ID_Start}$_][\p{ID_Continue}$]*/gu)) words.add(word);
  }
  const fresh = (wanted: string): string => {
    for (let name = wanted, count = 2; ; name = `${wanted}_${count++}`) {
      if (words.has(name)) continue;
      words.add(name);
      return name;
    }
  };

  const globals = new Set<string>();
  for (const meanings of captured.meanings.values()) {
    for (const [reference, meaning] of meanings) {
      if (meaning.kind !== "binding" && reference.space !== "type") globals.add(reference.name);
    }
  }

  const names = new Map<Kept, string>();
  const taken = { value: new Set(globals), type: new Set<string>() };
  const imports = new Map<string, string>();
  const isOwner = (one: Kept): number => (owners.get(one.name) === one.execution ? 0 : 1);
  const inOrder = [...captured.kept.values()].sort(
    (a, b) => isOwner(a) - isOwner(b) || b.execution - a.execution,
  );
  for (const one of inOrder) {
    const imported = importOf(one)?.identity;
    const shared = imported === undefined ? undefined : imports.get(imported);
    if (shared !== undefined) {
      names.set(one, shared);
      continue;
    }
    const { value, type } = spacesOf(one);
    const clash = (value && taken.value.has(one.name)) || (type && taken.type.has(one.name));
    const name = clash ? fresh(one.name) : one.name;
    if (value) taken.value.add(name);
    if (type) taken.type.add(name);
    names.set(one, name);
    if (imported !== undefined) imports.set(imported, name);
  }
  return { of: names, fresh };
}

function spacesOf(one: Kept): { value: boolean; type: boolean } {
  const spaces = { value: one.typeofs || one.beside, type: false };
  for (const declaration of one.cell.declarations.get(one.name)!) {
    const value = one.capture !== undefined && declaresValue(declaration);
    const type = declaresType(declaration) && (value || one.types);
    spaces.value ||=
      value || (type && declaration.kind !== "type" && declaration.kind !== "interface");
    spaces.type ||= type;
  }
  return spaces;
}
