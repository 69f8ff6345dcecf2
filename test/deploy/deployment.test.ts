import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { allFiles, MANIFEST_FILE } from "../../sdk/bundle/manifest.js";
import { toDockerfile } from "../../sdk/deploy/dockerfile.js";
import { toReadme } from "../../sdk/deploy/readme.js";
import { buildScale, PROJECT } from "../bundle/made-bundle.js";
import { makeFolder } from "../bundle/temporary-folder.js";

test("the image gets every file of the bundle, or the loader would refuse it", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory, manifest } = await buildScale(folder.path);
  const dockerfile = await readFile(join(directory, "Dockerfile"), "utf8");
  const image = dockerfile.slice(dockerfile.lastIndexOf("FROM"));
  const copied = Array.from(image.matchAll(/^COPY (?!--from)(.+) \S+$/gm), ([, sources]) =>
    sources!.split(" "),
  ).flat();
  const isCopied = (path: string) =>
    copied.some((source) => path === source || (source.endsWith("/") && path.startsWith(source)));
  const all = [MANIFEST_FILE, ...allFiles(manifest).map(({ path }) => path)];
  expect(all.filter((path) => !isCopied(path))).toEqual([]);
  const ignored = (await readFile(join(directory, ".dockerignore"), "utf8")).trim().split("\n");
  expect(ignored).toEqual(["node_modules", "*.tar.gz"]);
});

test("packages are installed before models and models before code", () => {
  const text = toDockerfile({
    name: "churn",
    ekiben: "1.2.3",
    locked: true,
    entries: ["ekiben.json", "models/", "service.mjs", "src/"],
  });
  const order = ["npm ci", "COPY --from=packages", "COPY models/", "COPY src/", "service.mjs ./"];
  const places = order.map((part) => text.indexOf(part));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(places).not.toContain(-1);
  expect(text).toContain("ARG EKIBEN=ekiben@1.2.3\n");
});

test("the container runs as no root, without a shell, and checks its health", () => {
  const text = toDockerfile({ name: "churn", ekiben: "1.2.3", locked: false, entries: [] });
  expect(text).toMatch(/^USER node$/m);
  expect(JSON.parse(/^ENTRYPOINT (.+)$/m.exec(text)![1]!)).toEqual([
    "node",
    "node_modules/ekiben/dist/sdk/cli/main.js",
    "serve",
    ".",
  ]);
  const health = JSON.parse(/CMD (\[.+\])$/m.exec(text)![1]!) as string[];
  expect(health.slice(0, 2)).toEqual(["node", "-e"]);
  expect(() => new Function(health[2]!)).not.toThrow();
  expect(text).not.toContain("package-lock.json ");
  expect(text).toContain("npm install --no-save --no-package-lock --omit=dev");
});

test("the README names the tag, the routes, the models and a request that can be sent", async () => {
  await using folder = await makeFolder(PROJECT);
  const { manifest } = await buildScale(folder.path, { labels: { team: "a|b" } });
  const text = toReadme({
    ...manifest,
    apis: [{ ...manifest.apis[0]!, example: { text: "it's" } }],
  });
  expect(text).toContain(`# scale:${manifest.version}\n`);
  expect(text).toContain("### `POST /v1/predict`");
  expect(text).toContain("| weights | weights | 1 |");
  expect(text).toContain("| team | a\\|b |");
  expect(text).toContain(String.raw`-d '{"text":"it'\''s"}'`);
  expect(text).not.toContain("npm ci");
});
