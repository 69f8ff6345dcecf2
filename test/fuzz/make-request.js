import { BYTE_CHANGES } from "./change-bytes.js";
import { changeCoding, changeHeaders, changePath } from "./change-head.js";
import { changeTree, printTree, toTree } from "./json-tree.js";
import { createChoice } from "./random.js";
import { writeChunked, writePlain, writeWild } from "./write-request.js";

/**
 * @typedef {object} FuzzRequest
 * @property {string} kind
 * @property {string} seed the name of the valid request that it was made of
 * @property {string[]} changes
 * @property {string} method
 * @property {string} path
 * @property {string} [requestId]
 * @property {boolean} framed
 * @property {Buffer} bytes
 * @property {(answer: import("./connection.js").Answer) => boolean} [holds] only when nothing was changed
 */

/** Seeds are made once for each of so many numbers: some of them cost more than their requests. */
const VARIANTS = 12;
const made = new Map();

function makeOnce(seed, id) {
  const key = `${seed.kind}|${seed.name}|${seed.path}|${id}`;
  if (!made.has(key)) made.set(key, seed.make(id));
  return made.get(key);
}

/** @returns {import("./change-head.js").Draft & { tree?: import("./json-tree.js").Tree }} */
export function toDraft(seed, sent) {
  return {
    method: sent.method ?? "POST",
    target: sent.target ?? seed.path,
    headers: [["Host", "127.0.0.1"], ...sent.headers],
    body: sent.body,
    tree: sent.json === undefined ? undefined : toTree(sent.json),
  };
}

/** What kinds of changes there are, by how often each is made. */
const CHANGES = [...Array(9).fill("body"), ...Array(3).fill("head"), "path", "coding"];

/**
 * One request of a run, the same for the same seed and place.
 * @param {readonly import("./seeds.js").Seed[]} seeds @returns {FuzzRequest}
 */
export function makeRequest(seeds, runSeed, place) {
  const choice = createChoice(runSeed, place);
  const kinds = [...new Set(seeds.map(({ kind }) => kind))];
  const kind = choice.of(kinds);
  const seed = choice.of(seeds.filter((one) => one.kind === kind));
  const id = choice.below(VARIANTS);
  const draft = toDraft(seed, makeOnce(seed, id));
  const changes = [];
  const count = choice.of([0, 1, 1, 1, 1, 2, 2, 3, 5]);
  for (let left = count; left > 0; left--) {
    const what = choice.of(CHANGES);
    if (what === "head") changes.push(changeHeaders(draft, choice));
    else if (what === "path") changes.push(changePath(draft, choice));
    else if (what === "coding") changes.push(changeCoding(draft, choice));
    else changes.push(changeBody(draft, seeds, choice));
  }
  const written =
    count > 0 && choice.chance(0.06) ? writeWild(draft, choice) : writeFramed(draft, choice);
  if (written.what !== undefined) changes.push(written.what);
  const ids = draft.headers.filter(([name]) => name.toLowerCase() === "x-request-id");
  return {
    kind,
    seed: `${seed.name} ${seed.path}`,
    changes,
    method: draft.method,
    path: draft.target,
    ...(ids.length === 1 && { requestId: ids[0][1] }),
    framed: written.framed,
    bytes: written.bytes,
    // Another framing is no change of what is asked.
    ...(count === 0 && { holds: (answer) => seed.holds(answer, id) }),
  };
}

function writeFramed(draft, choice) {
  if (draft.body.length > 0 && choice.chance(0.1)) return writeChunked(draft, choice);
  return { bytes: writePlain(draft), framed: true };
}

function changeBody(draft, seeds, choice) {
  if (draft.tree !== undefined && choice.chance(0.75)) {
    const { tree, what } = changeTree(draft.tree, choice);
    draft.tree = tree;
    draft.body = Buffer.from(printTree(tree));
    return what;
  }
  const other = makeOnce(choice.of(seeds), choice.below(VARIANTS)).body;
  const what = choice.of(Object.keys(BYTE_CHANGES));
  draft.body = BYTE_CHANGES[what](draft.body, choice, other);
  draft.tree = undefined;
  return `bytes: ${what}`;
}
