/**
 * JSON as a tree that also holds what no value of JavaScript does: a key twice, `__proto__` as a key,
 * numbers and texts that are none.
 * @typedef {{ list: Tree[] } | { fields: [string, Tree][] } | { text: string }} Tree
 */

/** @returns {Tree} */
export function toTree(value) {
  if (Array.isArray(value)) return { list: value.map(toTree) };
  if (typeof value === "object" && value !== null) {
    return { fields: Object.entries(value).map(([name, field]) => [name, toTree(field)]) };
  }
  return { text: JSON.stringify(value) };
}

/** @param {Tree} tree @returns {string} */
export function printTree(tree) {
  if ("list" in tree) return `[${tree.list.map(printTree).join(",")}]`;
  if ("fields" in tree) {
    const fields = tree.fields.map(([name, field]) => `${printName(name)}:${printTree(field)}`);
    return `{${fields.join(",")}}`;
  }
  return tree.text;
}

/** A name that begins with a quote is written as it stands. */
const printName = (name) => (name.startsWith('"') ? name : JSON.stringify(name));

/** All nodes with what puts another one in their place. */
function listPlaces(tree) {
  const places = [];
  const visit = (node, put) => {
    places.push({ node, put });
    node.list?.forEach((one, at) => visit(one, (other) => (node.list[at] = other)));
    node.fields?.forEach((field) => visit(field[1], (other) => (field[1] = other)));
  };
  const root = { tree };
  visit(tree, (other) => (root.tree = other));
  return { places, root };
}

const POISON = '{"polluted":true}';

/** Texts in the place of a value: valid JSON that few expect, and what is none. */
const LITERALS = [
  ["null", "true", "false", '""', "[]", "{}", "[[]]", "[null]", "[{}]", '"a"', '"1"', '"NaN"'],
  ["0", "-0", "1", "-1", "0.1", "1e308", "1e309", "1e400", "-1e400", "5e-324", "1e-400", "1E+2"],
  [
    "2147483648",
    "4294967296",
    "9007199254740993",
    "-9223372036854775809",
    "1e20",
    "18446744073709551616",
  ],
  ["NaN", "Infinity", "-Infinity", "undefined", "01", ".5", "1.", "+1", "0x10", "1_0", "--1", "1e"],
  [
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\u0000"',
    '"\\ufeff"',
    '"\\u202e"',
    '"\\x"',
    '"a\nb"',
    "'a'",
  ],
  ['"2020-13-45"', '"2020-01-01T00:00:00Z"', '"+275760-09-13T00:00:00.000Z"', '"noon"'],
  ['"__proto__"', '"constructor"', `{"__proto__":${POISON}}`],
  `{"constructor":{"prototype":${POISON}}}`,
  ["", " ", ",", "/**/1", "1//", "tru", "nul", '"', "{", "[", "}"],
].flat();

const NAMES = [
  ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "length", "then"],
  ["", "0", "-1", "id", "a", "data", "columns", "index", "inputs", "shape", "b64", "name"],
  ['"\\u005f_proto__"', '"\\ud800"', '"i\\u0064"', "valueOf", "toJSON", "polluted", "$ref"],
].flat();

const repeat = (open, inner, close, depth) => open.repeat(depth) + inner + close.repeat(depth);

/** @type {Record<string, (choice: any, node: any) => any>} */
const VALUES = {
  literal: (choice) => ({ text: choice.of(LITERALS) }),
  "long number": (choice) => ({ text: `${1 + choice.below(9)}${"7".repeat(choice.size(2000))}` }),
  "long fraction": (choice) => ({
    text: `0.${"123456789".repeat(choice.size(200))}e-${choice.size(400)}`,
  }),
  "long text": (choice) => ({
    text: JSON.stringify(choice.of(["a", "ü", "🍱", "\\", "\u0001"]).repeat(choice.size(30_000))),
  }),
  "deep lists": (choice) => ({ text: repeat("[", "1", "]", choice.size(40_000)) }),
  "deep objects": (choice) => ({ text: repeat('{"a":', "1", "}", choice.size(40_000)) }),
  "deep and broken": (choice) => ({ text: repeat("[", "", "", choice.size(40_000)) }),
  "long list": (choice) => ({
    text: `[${Array(1 + choice.size(20_000))
      .fill(choice.of(LITERALS))
      .join(",")}]`,
  }),
  "many fields": (choice) => ({
    text: `{${Array.from({ length: 1 + choice.size(5000) }, (_, at) => `"k${at}":${at}`).join(",")}}`,
  }),
  wrapped: (_choice, node) => ({ list: [node] }),
  "in an object": (choice, node) => ({ fields: [[choice.of(NAMES), node]] }),
};

/** Changes the tree in one place. @returns {{ tree: Tree, what: string }} */
export function changeTree(tree, choice) {
  const { places, root } = listPlaces(tree);
  const { node, put } = choice.of(places);
  const what = choice.of(["value", "value", "value", "swap", "shape", "shape"]);
  if (what === "swap") {
    const other = choice.of(places);
    // A node in its own descendant would have no end.
    put(structuredClone(other.node));
    other.put(structuredClone(node));
  } else if (what === "shape" && "fields" in node) changeFields(node.fields, choice);
  else if (what === "shape" && "list" in node) changeList(node.list, choice);
  else {
    const kind = choice.chance(0.5) ? "literal" : choice.of(Object.keys(VALUES));
    put(VALUES[kind](choice, structuredClone(node)));
    return { tree: root.tree, what: `JSON: ${kind}` };
  }
  return { tree: root.tree, what: `JSON: ${what}` };
}

function changeFields(fields, choice) {
  const at = choice.below(fields.length);
  const copy = () => structuredClone(fields[at]?.[1] ?? { text: "1" });
  const changes = [
    () => fields.splice(at, 1),
    () => fields.push([fields[at]?.[0] ?? "id", { text: choice.of(LITERALS) }]),
    () => fields.unshift([choice.of(NAMES), copy()]),
    () => fields.push([choice.of(NAMES), { text: choice.of([POISON, ...LITERALS]) }]),
    () => fields.push(["__proto__", { text: POISON }]),
    () => fields.reverse(),
    () => fields[at] !== undefined && (fields[at][0] = choice.of(NAMES)),
    () => fields.push(["x".repeat(choice.size(20_000)), copy()]),
  ];
  choice.of(changes)();
}

function changeList(list, choice) {
  const at = choice.below(list.length);
  const copy = () => structuredClone(list[at] ?? { text: "1" });
  const changes = [
    () => list.splice(at, 1),
    () => list.splice(at, 0, copy()),
    () => list.push({ text: choice.of(LITERALS) }),
    () => list.reverse(),
    () => (list.length = 0),
    () => list.push(...Array.from({ length: choice.size(300) }, copy)),
  ];
  choice.of(changes)();
}
