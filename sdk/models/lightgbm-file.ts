import { LightgbmFault, SAVE_AGAIN, toCutFault } from "./lightgbm-fault.js";
import { readIntegers } from "./lightgbm-numbers.js";
import type { CategoryValue } from "./trees/feature.js";
import { readTree, type LightgbmTree } from "./lightgbm-tree.js";

/** A model as the text of `Booster.save_model` holds it. */
export interface LightgbmText {
  /** The version of the format: `v2`, `v3` or `v4`. */
  readonly version: string;
  /** The line `objective`, `undefined` for an objective of the author's own. */
  readonly objective: string | undefined;
  /** `gbdt`, `dart`, `rf` or `goss`, where the file says so. */
  readonly boosting: string | undefined;
  /** The trees of an iteration: one for each class, or one. */
  readonly treesPerIteration: number;
  /** Random forests answer the average of their iterations. */
  readonly average: boolean;
  readonly features: readonly string[];
  /** The positions of the features that were trained as categories. */
  readonly categorical: readonly number[];
  /** The greatest code of each feature that was trained as categories, -1 for the others. */
  readonly codes: readonly number[];
  /** The categories of the columns of pandas that had some, in their order. */
  readonly pandasCategories: readonly (readonly CategoryValue[])[];
  readonly trees: readonly LightgbmTree[];
}

const VERSIONS = ["v2", "v3", "v4"];

/**
 * Reads the text format of LightGBM 2 to 4. Line by line, because a file may be longer than a string.
 * @see https://github.com/microsoft/LightGBM/blob/master/src/boosting/gbdt_model_text.cpp
 * @throws LightgbmFault
 */
export function readLightgbmText(bytes: Buffer): LightgbmText {
  const lines = readLines(bytes);
  const header = new Map<string, string>();
  let line = lines.next();
  for (; !line.done && !line.value.startsWith("Tree=") && !isEnd(line.value); line = lines.next()) {
    const [key, value] = splitLine(line.value);
    header.set(key, value);
  }
  const model = readHeader(header);

  const trees: LightgbmTree[] = [];
  while (!line.done && line.value.startsWith("Tree=")) {
    const section = new Map<string, string>();
    if (line.value !== `Tree=${trees.length}`) {
      throw new LightgbmFault(
        `it goes on with ${JSON.stringify(line.value.slice(0, 40))} where tree ${trees.length} belongs`,
        SAVE_AGAIN,
      );
    }
    for (line = lines.next(); !line.done; line = lines.next()) {
      if (line.value.startsWith("Tree=") || isEnd(line.value)) break;
      const [key, value] = splitLine(line.value);
      section.set(key, value);
    }
    if (line.done) throw toCutFault(`in tree ${trees.length}`);
    trees.push(readTree(section, trees.length, model.features.length));
  }
  if (line.done) throw toCutFault("before its trees");
  checkTreeCount(header, trees.length, model.treesPerIteration);
  return { ...model, ...readTail(lines, model), trees };
}

/** The line after the trees; files of version 2 may lack the first one. */
function isEnd(line: string): boolean {
  return line === "end of trees" || /^feature[ _]importances:$/.test(line);
}

function* readLines(bytes: Buffer): Generator<string, undefined> {
  for (let at = 0; at < bytes.length;) {
    const found = bytes.indexOf(10, at);
    const end = found === -1 ? bytes.length : found;
    const text = bytes.toString("utf8", at, end > at && bytes[end - 1] === 13 ? end - 1 : end);
    if (text !== "") yield text;
    at = end + 1;
  }
  return undefined;
}

function splitLine(line: string): [string, string] {
  const at = line.indexOf("=");
  return at === -1 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
}

/** A numeric feature has the range `[low:high]`, a categorical one its codes, a constant one `none`. */
const CODES = /^-?\d+(:-?\d+)*$/;

type Header = Omit<LightgbmText, "trees" | "boosting" | "pandasCategories">;

function readHeader(header: ReadonlyMap<string, string>): Header {
  const one = (key: string, range: readonly [number, number]): number => {
    const text = header.get(key);
    if (text === undefined) throw toCutFault(`without the line ${key}`);
    return readIntegers(text, 1, key, range)[0]!;
  };
  const version = header.get("version");
  if (version === undefined || !VERSIONS.includes(version)) {
    throw new LightgbmFault(
      `its format is of version ${JSON.stringify(version ?? "")}, and this release reads ${VERSIONS.join(", ")}`,
      `Write it with LightGBM 2.2 to 4.7. ${SAVE_AGAIN}`,
    );
  }
  const classes = one("num_class", [1, 2 ** 20]);
  const width = one("max_feature_idx", [0, 2 ** 27]) + 1;
  const names = (key: string): string[] => {
    const found = (header.get(key) ?? "").split(" ").filter((name) => name !== "");
    if (found.length === width) return found;
    throw new LightgbmFault(`${key} has ${found.length} entries where ${width} belong`, SAVE_AGAIN);
  };
  const infos = names("feature_infos");
  return {
    version,
    objective: header.get("objective"),
    treesPerIteration: header.has("num_tree_per_iteration")
      ? one("num_tree_per_iteration", [1, 2 ** 20])
      : classes,
    average: header.has("average_output"),
    features: names("feature_names"),
    categorical: infos.flatMap((info, i) => (CODES.test(info) ? [i] : [])),
    codes: infos.map((info) =>
      CODES.test(info)
        ? info.split(":").reduce((most, code) => Math.max(most, Number(code)), -1)
        : -1,
    ),
  };
}

function checkTreeCount(
  header: ReadonlyMap<string, string>,
  trees: number,
  perIteration: number,
): void {
  if (trees === 0) throw new LightgbmFault("it has no trees", SAVE_AGAIN);
  const sizes = header.get("tree_sizes");
  const declared = sizes?.split(" ").filter((size) => size !== "").length;
  if (declared !== undefined && declared !== trees) {
    throw new LightgbmFault(
      `it has ${trees} trees where tree_sizes tells of ${declared}`,
      SAVE_AGAIN,
    );
  }
  if (trees % perIteration === 0) return;
  throw new LightgbmFault(
    `its ${trees} trees are no whole number of iterations of ${perIteration}`,
    SAVE_AGAIN,
  );
}

type Tail = Pick<LightgbmText, "boosting" | "categorical" | "pandasCategories">;

/** What follows the trees: the parameters of the training, and what the Python package adds. */
function readTail(lines: Generator<string, undefined>, { version, categorical }: Header): Tail {
  const parameters = new Map<string, string>();
  let open = false;
  let pandas: string | undefined;
  for (const line of lines) {
    if (line === "parameters:") open = true;
    else if (line === "end of parameters") open = false;
    else if (line.startsWith(PANDAS)) pandas = line.slice(PANDAS.length);
    else if (open) {
      const [, key, value] = /^\[(\w+): (.*)\]$/.exec(line) ?? [];
      if (key !== undefined) parameters.set(key, value!);
    }
  }
  // Behind the parameters may be the categories, without which text could not be read.
  if (open && version !== "v2") throw toCutFault("in its parameters");
  const declared = (parameters.get("categorical_feature") ?? "")
    .split(",")
    .filter((word) => /^\d+$/.test(word))
    .map(Number);
  const boosting = parameters.get("boosting");
  return {
    boosting: parameters.get("data_sample_strategy") === "goss" ? "goss" : boosting,
    categorical: [...new Set([...categorical, ...declared])].sort((a, b) => a - b),
    pandasCategories: pandas === undefined ? [] : readPandas(pandas),
  };
}

const PANDAS = "pandas_categorical:";

function readPandas(text: string): readonly (readonly CategoryValue[])[] {
  let lists: unknown;
  try {
    lists = JSON.parse(text);
  } catch {
    throw toCutFault(`in the line ${PANDAS}`);
  }
  if (lists === null) return [];
  const isCategory = (value: unknown): boolean =>
    ["string", "number", "boolean"].includes(typeof value);
  if (
    Array.isArray(lists) &&
    lists.every((list) => Array.isArray(list) && list.every(isCategory))
  ) {
    return lists as CategoryValue[][];
  }
  throw new LightgbmFault(`the line ${PANDAS} holds no lists of categories`, SAVE_AGAIN);
}
