import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeHome, post } from "./run-cli.js";

test("a service goes from a file to the store, into an archive and back, and answers the same", async () => {
  await using home = await makeHome();
  const built = await home.run([
    "build",
    "services/iris.ts",
    "--label",
    "team=a",
    "--label",
    "b=c=d",
  ]);
  expect(built).toMatchObject({ code: 0, stderr: expect.stringContaining("answers 1 sample") });
  const tag = built.stdout.trim();
  expect(tag).toMatch(/^iris:\d{8}-\d{6}-[0-9a-f]{8}$/);

  const listed = await home.run(["list", "--json"]);
  expect(JSON.parse(listed.stdout)).toMatchObject([
    {
      name: "iris",
      version: tag.slice(5),
      labels: { team: "a", b: "c=d" },
      size: expect.any(Number),
    },
  ]);
  expect((await home.run(["list"])).stdout).toContain(tag);
  expect((await home.run(["show", "iris"])).stdout).toMatch(/species +onnx +663 B/);
  const shown = JSON.parse((await home.run(["show", tag, "--json"])).stdout);
  expect(shown.models).toMatchObject([
    { name: "species", description: { inputs: [{ name: "X" }] } },
  ]);

  const verified = await home.run(["verify", tag]);
  expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining("1 of 1 samples") });

  const packed = await home.run(["pack", tag, "-o", "iris.tar.gz"]);
  expect(packed).toMatchObject({ code: 0, stdout: "iris.tar.gz\n" });
  expect((await home.run(["delete", tag, "--yes"])).code).toBe(0);
  expect((await home.run(["list"])).stdout).toContain("is empty");

  const unpacked = await home.run(["unpack", "iris.tar.gz"]);
  expect(unpacked).toMatchObject({ code: 0, stdout: `${tag}\n` });
  expect((await home.run(["unpack", "iris.tar.gz"])).stderr).toMatch(/^error BUNDLE_EXISTS/);

  const openapi = JSON.parse((await home.run(["openapi", "iris"])).stdout);
  const flower = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 };
  for (const target of [tag, "iris.tar.gz", join(home.store, "bundles/iris", tag.slice(5))]) {
    const server = await home.serve([target, "--port", "0"]);
    const answer = await post(`${server.url}/v1/iris/predict`, [flower, flower]);
    expect(answer).toMatchObject({
      status: 200,
      body: [{ species: "setosa" }, { species: "setosa" }],
    });
    const served = (await (await fetch(`${server.url}/openapi.json`)).json()) as typeof openapi;
    expect(served.info).toEqual(openapi.info);
    expect(Object.keys(served.paths)).toEqual(Object.keys(openapi.paths));
    const metadata = await (await fetch(`${server.url}/metadata`)).json();
    expect(metadata).toMatchObject({ version: tag.slice(5), bundle: { digest: shown.digest } });
    expect(await server.stop()).toBe(0);
  }
}, 90_000);

test("building the same again answers the same version; another label makes another", async () => {
  await using home = await makeHome();
  const first = await home.build("words.ts");
  const again = await home.run(["build", "services/words.ts", "--no-verify"]);
  expect(again).toMatchObject({
    stdout: `${first}\n`,
    stderr: expect.stringContaining("unchanged"),
  });
  const other = await home.build("words.ts", "--label", "a=b");
  expect(other).not.toBe(first);
  expect((await readdir(join(home.store, "bundles/words"))).length).toBe(2);
});

test("two builds of one service at once leave one whole bundle", async () => {
  await using home = await makeHome();
  const built = await Promise.all([home.build("words.ts"), home.build("words.ts")]);
  const left = await readdir(join(home.store, "bundles"));
  expect(left).toEqual(["words"]);
  for (const tag of built) {
    expect(await home.run(["show", tag])).toMatchObject({ code: 0, stderr: "" });
  }
});

test("a service is built under another name and to a folder", async () => {
  await using home = await makeHome();
  const out = join(home.path, "out");
  const built = await home.run(
    ["build", "words.ts", "--name", "loud", "--output", out, "--no-verify"],
    { cwd: home.services },
  );
  expect(built.stdout).toMatch(/^loud:/);
  const server = await home.serve([out, "--port", "0"], { cwd: "/" });
  const metadata = await (await fetch(`${server.url}/metadata`)).json();
  expect(metadata).toMatchObject({ service: "loud" });
  await server.stop();
  expect((await home.run(["build", "services/words.ts", "-o", out])).stderr).toMatch(
    /^error BUNDLE_EXISTS/,
  );
});

test("a bundle whose answers change by themselves is not published", async () => {
  await using home = await makeHome();
  const source = await readFile(join(home.services, "words.ts"), "utf8");
  await writeFile(
    join(home.services, "random.ts"),
    source.replace("length: text.length", "length: Math.random()"),
  );
  const built = await home.run(["build", "services/random.ts"]);
  expect(built.code).toBe(1);
  expect(built.stderr).toMatch(
    /^error BUNDLE_VERIFY_FAILED: samples\/shout-1\.json has another answer in the bundle: \.length was 0\.\d+ and is 0\.\d+/,
  );
  expect((await home.run(["list"])).stdout).toContain("is empty");
});

test("a service that needs what is not in the bundle is not published", async () => {
  await using home = await makeHome();
  const source = await readFile(join(home.services, "words.ts"), "utf8");
  await writeFile(
    join(home.services, "reads.ts"),
    `import { readFileSync } from "node:fs";\nreadFileSync("./words.ts");\n${source}`,
  );
  const built = await home.run(["build", "services/reads.ts"]);
  expect(built.code).toBe(1);
  expect(built.stderr).toMatch(/^error SERVICE_SETUP_FAILED: .*ENOENT.*words\.ts/);
  expect((await home.run(["list"])).stdout).toContain("is empty");
});

test("a damaged bundle is listed as damaged and refused by name of the file", async () => {
  await using home = await makeHome();
  const tag = await home.build("words.ts");
  const directory = join(home.store, "bundles", tag.replace(":", "/"));
  await writeFile(join(directory, "service.mjs"), 'console.log("it ran");');
  for (const command of [["serve", "--port", "0"], ["verify"], ["pack"], ["show"]]) {
    const result = await home.run([command[0]!, tag, ...command.slice(1)]);
    expect(result.code, command[0]).toBe(1);
    expect(result.stderr).toMatch(
      /^error BUNDLE_CORRUPT: The file service\.mjs is not what was saved/,
    );
    expect(result.stdout).toBe("");
  }
  await writeFile(join(directory, "ekiben.json"), "{");
  await home.build("iris.ts");
  const listed = await home.run(["list"]);
  expect(listed.code).toBe(0);
  expect(listed.stdout).toMatch(new RegExp(`${tag} +damaged`));
  expect(listed.stdout).toContain("iris:");
});

test("a bundle of a later format says which ekiben it needs", async () => {
  await using home = await makeHome();
  const tag = await home.build("words.ts");
  const file = join(home.store, "bundles", tag.replace(":", "/"), "ekiben.json");
  const manifest = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...manifest, format: 7, ekiben: "9.8.7" }));
  const served = await home.run(["serve", tag, "--port", "0"]);
  expect(served).toMatchObject({ code: 1 });
  expect(served.stderr).toMatch(/^error BUNDLE_FORMAT_UNSUPPORTED: .*format 7[^]*ekiben 9\.8\.7/);
});

test("a package that is not there is named with its version, its reason and the command", async () => {
  await using home = await makeHome();
  const file = join(home.path, "node_modules/yaml/package.json");
  const manifest = JSON.parse(await readFile(file, "utf8"));
  await writeFile(file, JSON.stringify({ ...manifest, version: "0.9.9" }));
  const tag = await home.build("words.ts");
  const served = await home.run(["serve", tag, "--port", "0"]);
  expect(served.code).toBe(1);
  expect(served.stderr).toMatch(
    /^error DEPENDENCY_MISSING: .*yaml 0\.9\.9 \(src\/words\.ts imports it\)[^]*Run `npm install` in .*words/,
  );
  await home.run(["pack", tag, "-o", "words.tgz"]);
  const archive = await home.run(["serve", "words.tgz", "--port", "0"]);
  expect(archive.stderr).toContain("ekiben unpack");
});

test("tags are found by the beginning of a version, and missing ones come with a suggestion", async () => {
  await using home = await makeHome();
  const tag = await home.build("words.ts");
  await home.build("words.ts", "--label", "a=b");
  expect((await home.run(["show", tag.slice(0, -3)])).stdout).toContain(tag);
  const both = await home.run(["show", tag.slice(0, 10)]);
  expect(both.stderr).toMatch(/^error BUNDLE_NOT_FOUND: 2 versions begin like/);
  const typo = await home.run(["show", "wrods"]);
  expect(typo).toMatchObject({ code: 1, stderr: expect.stringContaining("Did you mean words?") });
  const version = await home.run(["show", "words:2001"]);
  expect(version.stderr).toContain(`There is: words:`);
  const path = await home.run(["show", "./nowhere"]);
  expect(path.stderr).toMatch(/^error BUNDLE_NOT_FOUND: .*nowhere is not a bundle/);
});

test("nothing is deleted unasked where nobody can be asked", async () => {
  await using home = await makeHome();
  const tag = await home.build("words.ts");
  const refused = await home.run(["delete", tag]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("--yes") });
  expect((await home.run(["list"])).stdout).toContain(tag);
});

test.skipIf(process.platform === "win32")("a store that is read-only is named", async () => {
  await using home = await makeHome();
  await mkdir(home.store);
  await chmod(home.path, 0o755);
  await chmod(home.store, 0o555);
  // The superuser may write anywhere.
  const user = process.getuid!() === 0 ? { uid: 65_534 } : {};
  const built = await home.run(["build", "services/words.ts", "--no-verify"], user);
  expect(built.stderr).toMatch(
    /^error BUILD_FAILED: The bundle cannot be saved in .*home.*may not write there[^]*EKIBEN_HOME/,
  );
  expect(built.code).toBe(1);
  expect(await readdir(home.store)).toEqual([]);
});

test("a store whose place is taken is named", async () => {
  await using home = await makeHome();
  await rm(home.store, { recursive: true, force: true });
  await writeFile(home.store, "a file where the store should be");
  const built = await home.run(["build", "services/words.ts", "--no-verify"]);
  expect(built).toMatchObject({ code: 1 });
  expect(built.stderr).toMatch(
    /^error BUILD_FAILED: The bundle cannot be saved in .*home.*EKIBEN_HOME/s,
  );
});

test.each([
  ["an unknown command", ["sreve"], "ekiben --help shows the commands"],
  ["an unknown command of a group", ["logs", "shiper"], "ekiben logs --help shows the commands"],
  ["an unknown option", ["list", "--jsno"], "ekiben list --help shows its options"],
  ["a missing argument", ["serve"], "ekiben serve --help shows its options"],
  ["a port that is none", ["serve", "words", "--port", "70000"], "ekiben serve --help"],
  ["a label without a value", ["build", "x.ts", "--label", "team"], "ekiben build --help"],
])("%s is a usage error that names the help", async (_what, args, help) => {
  await using home = await makeHome();
  const result = await home.run(args);
  expect(result.code).toBe(2);
  expect(result.stderr).toMatch(/^error: /);
  expect(result.stderr).toContain(`(${help}`);
});

test("an error shows its stack only when asked", async () => {
  await using home = await makeHome();
  const plain = await home.run(["show", "nothing"]);
  expect(plain.stderr).not.toContain("    at ");
  expect((await home.run(["--verbose", "show", "nothing"])).stderr).toContain("    at ");
  expect((await home.run(["show", "nothing", "--verbose"])).stderr).toContain("    at ");
  const asked = await home.run(["show", "nothing"], { env: { EKIBEN_DEBUG: "1" } });
  expect(asked.stderr).toContain("    at ");
});

test("help and version are no errors and name every command", async () => {
  await using home = await makeHome();
  const help = await home.run(["--help"]);
  expect(help.code).toBe(0);
  for (const name of [
    "build",
    "serve",
    "list",
    "show",
    "verify",
    "pack",
    "unpack",
    "delete",
    "init",
  ]) {
    expect(help.stdout).toContain(`\n  ${name} `);
  }
  const { version } = JSON.parse(await readFile("package.json", "utf8"));
  expect(await home.run(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n` });
});

test("what does not compile is told with file, line and column", async () => {
  await using home = await makeHome();
  await writeFile(join(home.services, "words/shout.ts"), "export const shout = ;");
  const built = await home.run(["build", "services/words.ts"]);
  expect(built).toMatchObject({ code: 1 });
  expect(built.stderr).toMatch(/^error BUILD_FAILED: .*src\/words\/shout\.ts:1:22/);
});
