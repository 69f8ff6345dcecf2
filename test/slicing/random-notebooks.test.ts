import { assert, asyncProperty, integer } from "fast-check";
import { expect, test } from "vitest";
import * as zod from "zod";
import { EkibenError } from "../../sdk/core/errors.js";
import { createKernel } from "./support/kernel.js";
import { evaluate, slice } from "./support/save.js";
import * as service from "./support/service.js";

/**
 * The names of random notebooks, by what they hold: numbers, arrays, schemas, functions, classes.
 * A function calls only names before its own, so that every program ends.
 */
const NUMBERS = ["n0", "n1", "n2"];
const ARRAYS = ["a0", "a1"];
const SCHEMAS = ["s0", "s1"];
const CALLABLE = ["f0", "f1", "c0", "c1", "i0", "f2", "o0", "f3", "m0"];

type Use = (random: Random, known: ReadonlySet<string>, below: number) => string;
type Random = (below: number) => number;

const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)]!;

/** An expression that gives a number. */
const number: Use = (random, known, below) => {
  const options: (() => string)[] = [() => String(random(9))];
  for (const name of NUMBERS) if (known.has(name)) options.push(() => name);
  for (const name of ARRAYS) {
    if (known.has(name))
      options.push(
        () => `${name}.length`,
        () => `(${name}.at(-1) ?? 0)`,
      );
  }
  for (const name of SCHEMAS) {
    if (known.has(name)) options.push(() => `(${name}.safeParse(${random(9)}).success ? 1 : 0)`);
  }
  for (const name of CALLABLE.slice(0, below)) {
    if (!known.has(name)) continue;
    const argument = String(random(9));
    if (name.startsWith("c")) {
      options.push(
        () => `new ${name}().m(${argument})`,
        () => `${name}.make(${argument})`,
      );
    } else
      options.push(
        () => `${name}(${argument})`,
        () => `[1, 2].map(${name})[1]!`,
      );
  }
  const one = pick(random, options)();
  return random(3) === 0 ? `(${one} + ${number(random, known, below)})` : one;
};

/** A statement, with the names that it declares. */
function statement(
  random: Random,
  known: ReadonlySet<string>,
): { name?: string; other?: string; text: string } {
  const all = CALLABLE.length;
  const value = (): string => number(random, known, all);
  switch (random(14)) {
    case 0:
    case 1: {
      const name = pick(random, NUMBERS);
      return { name, text: `${pick(random, ["let", "var"])} ${name} = ${value()};` };
    }
    case 2: {
      const name = pick(random, ARRAYS);
      return { name, text: `const ${name} = [${value()}];` };
    }
    case 3: {
      const name = pick(random, SCHEMAS);
      const source = pick(random, ["z.number().max(", "((top) => z.number().max(top))("]);
      return { name, text: `const ${name} = ${source}${value()});` };
    }
    case 4: {
      const name = pick(random, NUMBERS);
      if (!known.has(name)) return { text: `${value()};` };
      return { text: `${name} ${pick(random, ["=", "+="])} ${value()};` };
    }
    case 5: {
      const name = pick(random, ARRAYS);
      return { text: known.has(name) ? `${name}.push(${value()});` : `${value()};` };
    }
    case 6:
      return { text: `if (${value()} > 4) { const n0 = ${value()}; [n0].map((n1) => n1 + n0); }` };
    case 7:
      return random(4) === 0 ? { text: 'throw new Error("half-way");' } : { text: "" };
    case 8: {
      const [name, other] = random(2) === 0 ? (["n0", "n1"] as const) : (["n2", "n0"] as const);
      const text = `let { ${name}, inner: [${other} = ${value()}] } = { ${name}: ${value()}, inner: [] };`;
      return { name, other, text };
    }
    case 9: {
      const name = pick(random, ["i0", "o0"]);
      return { text: known.has(name) ? `${name}.k ${pick(random, ["=", "+="])} ${value()};` : "" };
    }
    default: {
      const index = random(all);
      const name = CALLABLE[index]!;
      const body = number(random, known, index);
      const write = NUMBERS.find((one) => known.has(one) && random(4) === 0);
      const effect = write === undefined ? "" : `${write} += x; `;
      if (name.startsWith("f")) {
        if (random(2) === 0)
          return { name, text: `const ${name} = (x) => { ${effect}return x + ${body}; };` };
        return {
          name,
          text: `function ${name}(x, n0 = ${body}) { ${effect}return { n0 }.n0 + ${body} + x; }`,
        };
      }
      if (name === "m0") {
        return { name, text: `const ${name} = ((by) => (x) => x + by + ${body})(${value()});` };
      }
      if (name === "i0") {
        const made = ["c0", "c1"].filter((one) => known.has(one));
        return made.length === 0
          ? { text: "" }
          : { name, text: `const ${name} = new ${pick(random, made)}();` };
      }
      if (name === "o0") {
        return {
          name,
          text: `const ${name} = { k: ${pick(random, ["1", "n0", "-2"])}, go(x) { return x + this.k + ${body}; } };`.replace(
            "n0",
            known.has("n0") ? "n0" : "0",
          ),
        };
      }
      const base = name === "c1" && known.has("c0") ? " extends c0" : "";
      return {
        name,
        text: `class ${name}${base} { k = ${number(random, known, index)}; m(x) { return x + this.k + ${body}; } static make(x) { return new ${name}().m(x) + ${number(random, known, index)}; } }`,
      };
    }
  }
}

/** A sequence of numbers that look random and depend on the seed alone (mulberry32). */
function createRandom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Makes the cells of a notebook; a cell may be run again as it stands. */
function makeCells(seed: number): { cells: string[]; known: Set<string> } {
  const random = createRandom(seed);
  const cells: string[] = ['import { z } from "zod"; import { defineService } from "ekiben";'];
  let known = new Set<string>();
  for (let count = 3 + random(6); count > 0; count--) {
    if (cells.length > 2 && random(5) === 0) {
      cells.push(cells[1 + random(cells.length - 1)]!);
      continue;
    }
    const lines: string[] = [];
    const declared = new Set<string>();
    for (let length = 1 + random(4); length > 0; length--) {
      const { name, other, text } = statement(random, new Set([...known, ...declared]));
      const names = [name, other].filter((one) => one !== undefined);
      if (names.some((one) => declared.has(one))) continue;
      for (const one of names) declared.add(one);
      lines.push(text);
    }
    cells.push(lines.join("\n"));
    known = new Set([...known, ...declared]);
  }
  const answers = Array.from({ length: 4 }, () => number(random, known, CALLABLE.length));
  cells.push(
    `const service = defineService({ name: "s" }).api("go", { handler: () => [${answers.join(", ")}] });`,
  );
  return { cells, known };
}

function attempt<T>(run: () => T, text: string): T {
  try {
    return run();
  } catch (error) {
    throw new Error(`The program does not load:\n${text}`, { cause: error });
  }
}

async function ask(made: unknown): Promise<unknown> {
  try {
    return await (made as service.Service).ask("go", null);
  } catch (error) {
    return (error as Error).constructor.name;
  }
}

test("the program of a random notebook answers as the notebook does, call after call, or is refused", async () => {
  const runs = process.env["SLICING_RUNS"];
  let saved = 0;
  let refused = 0;
  await assert(
    asyncProperty(integer(), async (seed) => {
      const { cells } = makeCells(seed);
      const kernel = createKernel({ zod, ekiben: service });
      for (const cell of cells) await kernel.run(cell);
      let sliced;
      try {
        sliced = slice(kernel, "service");
      } catch (error) {
        expect(error).toBeInstanceOf(EkibenError);
        refused++;
        return;
      }
      const text = `${cells.map((cell, index) => `// cell [${index + 1}]\n${cell}`).join("\n")}\n\n${sliced.program.code}`;
      const made = attempt(() => evaluate(kernel, sliced, { zod, ekiben: service }), text);
      for (let call = 0; call < 3; call++) {
        const inKernel = await ask(kernel.read("service"));
        expect(await ask(made), text).toEqual(inKernel);
      }
      saved++;
    }),
    // The same notebooks each time; other ones when more are asked for.
    runs === undefined ? { numRuns: 150, seed: 20_26 } : { numRuns: Number(runs) },
  );
  // Refusing everything would be a way to pass.
  expect(saved).toBeGreaterThan(refused / 2);
}, 600_000);
