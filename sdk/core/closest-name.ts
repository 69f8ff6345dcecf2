/** Longer names, and longer lists of them, are not compared: clients send some of them. */
const LONGEST = 64;
const MOST_NAMES = 500;

/** The name that `wanted` was most likely meant to be, or `undefined` when none is near. */
export function findClosestName(wanted: string, names: readonly string[]): string | undefined {
  if (wanted.length > LONGEST) return undefined;
  const word = fold(wanted);
  let closest: string | undefined;
  let fewest = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const name of names.slice(0, MOST_NAMES)) {
    if (name.length > LONGEST) continue;
    const edits = countEdits(word, fold(name), fewest);
    // A name without a letter in common is not a misspelling, however short.
    if (edits >= fewest || edits >= Math.max(word.length, name.length)) continue;
    fewest = edits;
    closest = name;
  }
  return closest;
}

function fold(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "_");
}

/** Letters to add, drop or replace between two words; `enough` stands for that many or more. */
function countEdits(from: string, to: string, enough: number): number {
  if (Math.abs(from.length - to.length) >= enough) return enough;
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const replace = last[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      row.push(Math.min(replace, last[j]! + 1, row[j - 1]! + 1));
    }
    last = row;
  }
  return last[to.length]!;
}

/** Names for a message: quoted, and at most `most` of them. */
export function printNames(names: readonly string[], most = 20): string {
  const shown = names.slice(0, most).map((name) => JSON.stringify(name));
  const rest = names.length - shown.length;
  return rest > 0 ? `${shown.join(", ")} and ${rest} more` : shown.join(", ");
}
