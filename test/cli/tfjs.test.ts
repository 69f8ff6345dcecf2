import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeFolder, writeGraphModel } from "../models/tfjs-fixture.js";
import { makeHome, post } from "./run-cli.js";

const BANNER = /looks like you are running TensorFlow\.js/;

test("TensorFlow.js does not advertise itself where a bundle is built, verified and served", async () => {
  await using home = await makeHome();
  const services = makeFolder();
  await cp(writeGraphModel(), join(services, "sums"), { recursive: true });
  await writeFile(
    join(services, "sums.ts"),
    `import { defineService, dataframe, tfjs, z } from "ekiben";
export default defineService({ name: "sums" })
  .models({ net: tfjs("sums") })
  .api("predict", {
    input: dataframe(z.object({ a: z.number(), b: z.number() })),
    output: z.object({ y: z.number() }),
    example: [{ a: 1, b: 2 }],
    handler: async (df, { models }) => ({ y: (await models.net.predict(df)).column(0) }),
  });`,
  );
  const built = await home.run(["build", join(services, "sums.ts")]);
  expect(built).toMatchObject({ code: 0 });
  expect(built.stderr).toContain("verified: it starts in an empty folder and answers 1 sample");
  expect(built.stdout + built.stderr).not.toMatch(BANNER);
  const verified = await home.run(["verify", "sums"]);
  expect(verified).toMatchObject({ code: 0 });
  expect(verified.stdout + verified.stderr).not.toMatch(BANNER);
  const server = await home.serve(["sums", "--port", "0"]);
  expect(await post(`${server.url}/predict`, [{ a: 3, b: 4 }])).toMatchObject({
    body: [{ y: 34 }],
  });
  await server.stop();
  expect(server.output()).not.toMatch(BANNER);
});
