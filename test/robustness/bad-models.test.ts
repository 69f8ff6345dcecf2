import { copyFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeHome, post, type CliHome } from "../cli/run-cli.js";
import { FIXTURES } from "../models/fixture.js";
import { createNotebookSession } from "../notebook/notebook-session.js";

const CHURN = join(FIXTURES, "lgb-churn-categorical/model.txt");
const CUSTOMER = {
  plan: "standard",
  payment_method: "Credit card",
  country: "CH",
  auto_renew: "No",
  age: 32,
  tenure_months: 14,
  monthly_charges: 23.32,
  total_charges: 325.62,
  usage_hours: 4.489,
  support_tickets: 1,
  satisfaction: 4,
};

/** A table of customers without the columns that are left out. */
function rowSchema(...without: string[]): string {
  const cells = Object.entries(CUSTOMER)
    .filter(([name]) => !without.includes(name))
    .map(([name, value]) => `${name}: z.${typeof value}().nullable()`);
  return `z.object({ ${cells.join(", ")} })`;
}

function churnService(row: string, more = ""): string {
  return `import { dataframe, defineService, lightgbm, z } from "ekiben";
export default defineService({ name: "churn" })
  .models({ trees: lightgbm("churn.txt") })
  .api("predict", {
    input: dataframe(${row}),
    output: z.number(),
    batch: {},
    ${more}
    handler: async (df, { models }) => Array.from(await models.trees.predict(df)),
  });
`;
}

async function writeService(home: CliHome, text: string): Promise<string> {
  await copyFile(CHURN, join(home.services, "churn.txt"));
  const file = join(home.services, "churn.ts");
  await writeFile(file, text);
  return file;
}

const without = (name: string): object =>
  Object.fromEntries(Object.entries(CUSTOMER).filter(([key]) => key !== name));

describe("a column that the model wants and the table lacks", () => {
  test("is found when the service is built, by its example", async () => {
    await using home = await makeHome();
    const example = `example: [${JSON.stringify(without("age"))}],`;
    const file = await writeService(home, churnService(rowSchema("age"), example));
    const built = await home.run(["build", file]);
    expect(built.code).toBe(1);
    expect(built.stderr).toMatch(
      /^error MODEL_INPUT_INVALID: The API "predict" cannot answer its own example: .*"age"/,
    );
  });

  test("is told when there is no example, and makes no noise where the handler makes the column", async () => {
    await using home = await makeHome();
    const file = await writeService(home, churnService(rowSchema("age")));
    const built = await home.run(["build", file]);
    expect(built).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(
        /note: The model "trees" wants "age", which no row of "predict" has.*Give the API an example/,
      ),
    });
    const server = await home.serve([built.stdout.trim(), "--port", "0"]);
    expect(server.output()).toMatch(/"log\.level":"warn".*wants \\"age\\", which no row/);
    const answer = await post(`${server.url}/predict`, [without("age")]);
    expect([answer.status, answer.body.code]).toEqual([500, "MODEL_INPUT_INVALID"]);
    await server.stop();

    const made = churnService(rowSchema("age"), `example: [${JSON.stringify(without("age"))}],`);
    const maker = made.replace(
      "models.trees.predict(df)",
      "models.trees.predict(df.values.map((row: any) => ({ ...Object.fromEntries(df.columns.map((name: string, i: number) => [name, row[i]])), age: 30 })))",
    );
    const whole = await home.run(["build", await writeService(home, maker)]);
    expect(whole).toMatchObject({ code: 0, stderr: expect.not.stringContaining("wants") });
  });

  test("ends a server at its start: it is not ready before", async () => {
    await using home = await makeHome();
    // The example fits until the bundle is served: there the handler drops a column.
    const text = churnService(rowSchema(), `example: [${JSON.stringify(CUSTOMER)}],`).replace(
      "models.trees.predict(df)",
      `models.trees.predict(process.env.DROP === undefined ? df : [${JSON.stringify(without("age"))}])`,
    );
    const built = await home.run(["build", await writeService(home, text)]);
    expect(built.code).toBe(0);
    const served = await home.run(["serve", built.stdout.trim(), "--port", "0"], {
      env: { DROP: "1" },
    });
    expect(served.code).toBe(1);
    expect(served.stdout).not.toContain("answers on");
    expect(served.stderr).toMatch(/error MODEL_INPUT_INVALID: The API "predict" cannot answer/);
  });

  test("is found in a notebook by its first call, its dev server and save()", async () => {
    await using session = await createNotebookSession();
    const example = `example: [${JSON.stringify(without("age"))}],`;
    await session.run(
      churnService(rowSchema("age"), example)
        .replace("export default", "const churn =")
        .replace('"churn.txt"', JSON.stringify(CHURN)),
    );
    for (const act of ["call.predict([])", "startDevServer({ port: 0 })", "save()"]) {
      expect(await session.fail(`await churn.${act}`)).toMatch(
        /MODEL_INPUT_INVALID.*cannot answer its own example: .*"age"/s,
      );
    }
  });
});

describe("a model file", () => {
  const cells = [
    `import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { defineService, json, lightgbm, z } from "ekiben";
copyFileSync(${JSON.stringify(join(FIXTURES, "lgb-iris-multiclass/model.txt"))}, "iris.txt");`,
    `const iris = defineService({ name: "iris" })
  .models({ trees: lightgbm("iris.txt") })
  .api("f", { input: json(z.array(z.number())), handler: async (row, { models }) => (await models.trees.predict([row]))[0] });`,
  ];

  test("that is missing fails save(), also when it went after the service had loaded it", async () => {
    await using session = await createNotebookSession();
    await session.run(...cells, `await iris.call.f([1, 2, 3, 4]);`, `rmSync("iris.txt");`);
    expect(await session.fail("await iris.save()")).toMatch(/MODEL_FILE_MISSING.*iris\.txt/s);
    await session.run(cells[1]!);
    expect(await session.fail("await iris.save()")).toMatch(/MODEL_FILE_MISSING.*iris\.txt/s);
  });

  test("that changed since the service loaded it fails save(), and running the cell again mends it", async () => {
    await using session = await createNotebookSession();
    await session.run(...cells, `await iris.call.f([1, 2, 3, 4]);`);
    await session.run(`writeFileSync("iris.txt", "\\n", { flag: "a" });`);
    expect(await session.fail("await iris.save()")).toMatch(
      /BUILD_FAILED.*iris\.txt of the model "trees" changed since the service loaded it/s,
    );
    await session.run(cells[1]!);
    expect((await session.save("iris")).name).toBe("iris");
  });

  test("that was changed in the bundle is named before the server starts", async () => {
    await using home = await makeHome();
    const example = `example: [${JSON.stringify(CUSTOMER)}],`;
    const tag = await home.build(
      await writeService(home, churnService(rowSchema(), example)).then(() => "churn.ts"),
    );
    const file = join(home.store, "bundles", tag.replace(":", "/"), "models/trees/churn.txt");
    await rm(file);
    await copyFile(join(FIXTURES, "lgb-churn-rf/model.txt"), file);
    const served = await home.run(["serve", tag, "--port", "0"]);
    expect(served).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error BUNDLE_CORRUPT: .*models\/trees\/churn\.txt/),
    });
  });
});

describe("what a model makes of odd rows", () => {
  const SERVICE = `import { defineService, json, lightgbm, model, z } from "ekiben";
const odd = {
  load: () => 0,
  predict: (_: number, rows: number[]) => rows.map((x) => {
    if (x < 0) throw new RangeError("a row below zero");
    return Math.log(x - 1);
  }),
};
export default defineService({ name: "odd" })
  .models({
    loose: lightgbm("churn.txt"),
    strict: lightgbm("churn.txt", { unknownCategory: "error" }),
    odd: model(odd),
  })
  .api("loose", {
    input: json(z.record(z.string(), z.any())), batch: { maxLatencyMs: 5000 },
    handler: async (rows, { models }) => Array.from(await models.loose.predict(rows)),
  })
  .api("strict", {
    input: json(z.record(z.string(), z.any())), batch: { maxLatencyMs: 5000 },
    handler: async (rows, { models }) => Array.from(await models.strict.predict(rows)),
  })
  .api("odd", {
    input: json(z.number()), output: z.number(), batch: { maxLatencyMs: 5000 },
    handler: (xs, { models }) => models.odd.predict(xs),
  });
`;

  test("a category never seen is missing, or an error of its own request by option; one bad row fails alone; NaN is refused or null", async () => {
    await using home = await makeHome();
    const file = await writeService(home, SERVICE);
    const built = await home.run(["build", file]);
    expect(built.code, built.stderr).toBe(0);
    const tag = built.stdout.trim();
    const server = await home.serve([tag, "--port", "0"]);
    const ask = (api: string, body: unknown) => post(`${server.url}/${api}`, body);
    const unseen = { ...CUSTOMER, country: "XX" };

    const [known, never, missing] = await Promise.all(
      [CUSTOMER, unseen, { ...CUSTOMER, country: null }].map((row) => ask("loose", row)),
    );
    expect([known!.status, never!.status, missing!.status]).toEqual([200, 200, 200]);
    expect(never!.body).toBe(missing!.body);
    expect(known!.body).not.toBe(missing!.body);

    // Requests that come together share batches: only the one with the category fails.
    const rows = Array.from({ length: 24 }, (_, i) => (i === 11 ? unseen : CUSTOMER));
    const strict = await Promise.all(rows.map((row) => ask("strict", row)));
    expect(strict.map(({ status }) => status)).toEqual(
      rows.map((row) => (row === unseen ? 500 : 200)),
    );
    expect(strict[11]!.body).toMatchObject({ code: "MODEL_INPUT_INVALID" });
    await expect.poll(server.output).toContain('row 0 of \\"country\\" must be one of');

    const numbers = Array.from({ length: 24 }, (_, i) => (i === 5 ? -1 : i + 2));
    const answers = await Promise.all(numbers.map((x) => ask("odd", x)));
    expect(answers.map(({ status }) => status)).toEqual(numbers.map((x) => (x === -1 ? 500 : 200)));
    expect(answers[5]!.body).toMatchObject({ code: "MODEL_RUN_FAILED" });
    await expect.poll(server.output).toContain("a row below zero");

    // JSON knows no NaN.
    expect((await ask("odd", 0.5)).body).toBeNull();
    await server.stop();
    const checked = await home.serve([tag, "--port", "0", "--check-outputs"]);
    expect(await post(`${checked.url}/odd`, 0.5)).toMatchObject({
      status: 500,
      body: { code: "OUTPUT_INVALID" },
    });
    await checked.stop();
  });
});
