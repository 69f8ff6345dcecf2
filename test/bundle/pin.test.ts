import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { create } from "tar";
import { expect, test } from "vitest";
import { ALLOW_SCRIPTS, NPMRC, OVERRIDES } from "../../sdk/bundle/npm-settings.js";
import { pinDependencies } from "../../sdk/bundle/pin.js";
import { makeFolder, type TemporaryFolder } from "./temporary-folder.js";

type Entry = Record<string, unknown>;

function pin(folder: string, names: string[], reasons?: Record<string, string>) {
  return pinDependencies({
    name: "churn",
    ekiben: "0.1.0",
    directory: folder,
    imports: names.map((name) => ({ name, importers: ["src/service.ts"], from: folder })),
    ...(reasons === undefined ? {} : { reasons }),
  });
}

/** A project whose lockfile has these entries and in which the same packages are installed. */
async function makeProject(packages: Record<string, Entry>): Promise<TemporaryFolder> {
  const folder = await makeFolder({
    "package-lock.json": JSON.stringify({ lockfileVersion: 3, packages: { "": {}, ...packages } }),
  });
  for (const [path, { version, name }] of Object.entries(packages)) {
    await folder.write({ [`${path}/package.json`]: JSON.stringify({ name, version }) });
  }
  return folder;
}

function lockOf(pinned: ReturnType<typeof pin>): Record<string, Entry> {
  const { packages } = JSON.parse(pinned.files["package-lock.json"]!) as {
    packages: Record<string, Entry>;
  };
  return packages;
}

test("imported packages are pinned to what is installed, with the reason", async () => {
  await using folder = await makeProject({ "node_modules/a": { version: "1.2.3" } });
  const pinned = pin(folder.path, ["a", "ekiben"], { a: "cell [3] imports it" });
  expect(pinned.dependencies).toEqual([
    { name: "a", version: "1.2.3", reason: "cell [3] imports it" },
  ]);
  expect(JSON.parse(pinned.files["package.json"]!)).toMatchObject({
    name: "churn",
    private: true,
    type: "module",
    dependencies: { a: "1.2.3" },
    peerDependencies: { ekiben: "0.1.0" },
    peerDependenciesMeta: { ekiben: { optional: true } },
  });
  expect(pinned.files[".npmrc"]).toBe(NPMRC);
  expect(pinned.notes).toEqual([]);
});

test("the lockfile is cut to what the imported packages need, without where it came from", async () => {
  await using folder = await makeProject({
    "node_modules/a": {
      version: "1.0.0",
      resolved: "https://registry.example/a/-/a-1.0.0.tgz",
      integrity: "sha512-a",
      dev: true,
      dependencies: { b: "^2.0.0" },
      optionalDependencies: { native: "1.0.0" },
      peerDependencies: { peer: "*", maybe: "*" },
      peerDependenciesMeta: { maybe: { optional: true } },
      engines: { node: ">=18" },
    },
    "node_modules/a/node_modules/b": { version: "2.0.0", dependencies: { c: "1.0.0" } },
    "node_modules/b": { version: "1.0.0" },
    "node_modules/c": { version: "1.0.0" },
    "node_modules/native": { version: "1.0.0", os: ["darwin"], dependencies: { d: "1.0.0" } },
    "node_modules/d": { version: "1.0.0" },
    "node_modules/peer": { version: "1.0.0" },
    "node_modules/maybe": { version: "1.0.0" },
    "node_modules/unrelated": { version: "1.0.0" },
  });
  const lock = lockOf(pin(folder.path, ["a"]));
  expect(Object.keys(lock)).toEqual([
    "",
    "node_modules/a",
    "node_modules/a/node_modules/b",
    "node_modules/c",
    "node_modules/d",
    "node_modules/native",
    "node_modules/peer",
  ]);
  expect(lock["node_modules/a"]).toEqual({
    version: "1.0.0",
    integrity: "sha512-a",
    dependencies: { b: "^2.0.0" },
    optionalDependencies: { native: "1.0.0" },
    peerDependencies: { peer: "*", maybe: "*" },
    peerDependenciesMeta: { maybe: { optional: true } },
    engines: { node: ">=18" },
  });
  expect(lock["node_modules/native"]).toMatchObject({ os: ["darwin"], optional: true });
  expect(lock["node_modules/d"]).toMatchObject({ optional: true });
  expect(lock["node_modules/c"]).not.toHaveProperty("optional");
});

test("the installed version is found where an exports map hides package.json", async () => {
  await using folder = await makeFolder({
    "node_modules/@s/hidden/package.json": '{"version": "4.5.6", "exports": {".": "./x.js"}}',
    "node_modules/@s/hidden/x.js": "",
    "sub/dir/.keep": "",
  });
  const pinned = pin(join(folder.path, "sub/dir"), ["@s/hidden"]);
  expect(pinned.dependencies).toMatchObject([{ name: "@s/hidden", version: "4.5.6" }]);
});

test("a project in a workspace gets its own packages at the top", async () => {
  await using folder = await makeProject({
    "apps/one/node_modules/a": { version: "2.0.0", dependencies: { b: "1" } },
    "node_modules/a": { version: "1.0.0" },
    "node_modules/b": { version: "1.0.0" },
  });
  const lock = lockOf(pin(join(folder.path, "apps/one"), ["a"]));
  expect(Object.keys(lock)).toEqual(["", "node_modules/a", "node_modules/b"]);
  expect(lock["node_modules/a"]).toMatchObject({ version: "2.0.0" });
});

test("two versions that would be in one place are not pinned wrongly", async () => {
  await using folder = await makeProject({
    "apps/one/node_modules/a": { version: "2.0.0", dependencies: { b: "1" } },
    "node_modules/a": { version: "1.0.0" },
    "node_modules/b": { version: "1.0.0", dependencies: { a: "1" } },
  });
  const pinned = pin(join(folder.path, "apps/one"), ["a"]);
  expect(pinned.files).not.toHaveProperty(["package-lock.json"]);
  expect(pinned.notes.join()).toMatch(/two versions of a/);
});

test("a lockfile that tells of other versions than are installed is not believed", async () => {
  await using folder = await makeProject({ "node_modules/a": { version: "1.0.0" } });
  await folder.write({ "node_modules/a/package.json": '{"version": "1.1.0"}' });
  const stale = pin(folder.path, ["a"]);
  expect(stale.dependencies).toMatchObject([{ version: "1.1.0" }]);
  expect(stale.files).not.toHaveProperty(["package-lock.json"]);
  expect(stale.notes.join()).toMatch(/has a 1\.0\.0, but 1\.1\.0 is installed/);

  // What npm notes about the last install is right, and is taken instead.
  await folder.write({
    "node_modules/.package-lock.json": JSON.stringify({
      packages: { "node_modules/a": { version: "1.1.0", integrity: "sha512-new" } },
    }),
  });
  expect(lockOf(pin(folder.path, ["a"]))["node_modules/a"]).toEqual({
    version: "1.1.0",
    integrity: "sha512-new",
  });
});

test("without a lockfile the imported packages are pinned and the rest is reported", async () => {
  await using folder = await makeFolder({ "node_modules/a/package.json": '{"version": "1.0.0"}' });
  const pinned = pin(folder.path, ["a"]);
  expect(JSON.parse(pinned.files["package.json"]!)).toMatchObject({ dependencies: { a: "1.0.0" } });
  expect(pinned.notes).toEqual([expect.stringContaining("No package-lock.json")]);
});

test("an alias, a git address and a local file are told apart", async () => {
  const git = "git+ssh://git@example.com/x/y.git#0123456789abcdef0123456789abcdef01234567";
  await using folder = await makeProject({
    "node_modules/alias": { name: "real", version: "1.0.0" },
    "node_modules/git": { version: "2.0.0", resolved: git },
    "node_modules/local": { version: "3.0.0", resolved: "file:../local.tgz" },
  });
  const pinned = pin(folder.path, ["alias", "git"]);
  expect(JSON.parse(pinned.files["package.json"]!)).toMatchObject({
    dependencies: { alias: "npm:real@1.0.0", git },
  });
  expect(lockOf(pinned)["node_modules/git"]).toMatchObject({ resolved: git });
  expect(() => pin(folder.path, ["local"])).toThrow(
    expect.objectContaining({
      code: "BUILD_FAILED",
      message: expect.stringContaining("file:../local.tgz"),
    }),
  );
});

test("a package that is not installed is named with its importer", async () => {
  await using folder = await makeFolder();
  expect(() => pin(folder.path, ["nowhere-installed"])).toThrow(
    expect.objectContaining({
      code: "DEPENDENCY_MISSING",
      message: expect.stringMatching(
        /nowhere-installed.*src\/service\.ts imports it.*npm install/s,
      ),
    }),
  );
});

test("danfojs-node brings the overrides it needs, other packages do not", async () => {
  await using folder = await makeProject({
    "node_modules/danfojs-node": { version: "1.2.0" },
    "node_modules/a": { version: "1.0.0" },
  });
  const read = (names: string[]) => JSON.parse(pin(folder.path, names).files["package.json"]!);
  expect(read(["danfojs-node"])).toMatchObject({ overrides: OVERRIDES });
  expect(read(["a"])).not.toHaveProperty("overrides");
  expect(read(["a"])).toMatchObject({ allowScripts: { "onnxruntime-node": false } });
});

test("the settings that a bundle carries are those this package was installed with", async () => {
  const own = JSON.parse(await readFile("package.json", "utf8"));
  expect(own).toMatchObject({ overrides: OVERRIDES, allowScripts: ALLOW_SCRIPTS });
  expect(await readFile(".npmrc", "utf8")).toContain(NPMRC);
});

test("npm ci installs what was pinned from a registry alone, and nothing else", async () => {
  await using folder = await makeProject({});
  await using registry = await makeRegistry(folder, {
    "top/package.json": '{"name":"top","version":"1.0.0","dependencies":{"deep":"^1.0.0"}}',
    "top/index.js": "exports.value = require('deep').value;",
    "deep/package.json": '{"name":"deep","version":"1.0.0"}',
    "deep/index.js": "exports.value = 'deep';",
  });
  const packages: Record<string, Entry> = {
    "node_modules/deep": { version: "1.0.0", integrity: registry.integrity("deep"), dev: true },
    "node_modules/top": {
      version: "1.0.0",
      resolved: "https://elsewhere.example/top/-/top-1.0.0.tgz",
      integrity: registry.integrity("top"),
      dependencies: { deep: "^1.0.0" },
    },
  };
  await using project = await makeProject(packages);
  const pinned = pin(project.path, ["top"]);
  await using bundle = await makeFolder(pinned.files);
  await runNpm(bundle.path, registry.url, ["ci", "--ignore-scripts"]);
  const installed = await readdir(join(bundle.path, "node_modules"));
  expect(installed.filter((name) => !name.startsWith("."))).toEqual(["deep", "top"]);

  // The same in a bundle without any package.
  const empty = pinDependencies({
    name: "churn",
    ekiben: "0.1.0",
    directory: project.path,
    imports: [],
  });
  await using without = await makeFolder(empty.files);
  await runNpm(without.path, registry.url, ["ci", "--ignore-scripts"]);
});

test("a linked package is not pinned by the number of a package that nobody published", async () => {
  await using folder = await makeFolder({
    "lib/package.json": '{"name": "lib", "version": "1.0.0"}',
  });
  await mkdir(join(folder.path, "app/node_modules"), { recursive: true });
  await symlink(join(folder.path, "lib"), join(folder.path, "app/node_modules/lib"), "junction");
  const { findPackage } = await import("../../sdk/bundle/packages.js");
  expect(findPackage("lib", join(folder.path, "app"))).toMatchObject({ linked: true });
});

interface Registry extends AsyncDisposable {
  readonly url: string;
  integrity(name: string): string;
}

/** A registry of packages that are folders here, as much of one as an install asks for. */
async function makeRegistry(
  folder: TemporaryFolder,
  files: Record<string, string>,
): Promise<Registry> {
  await folder.write(
    Object.fromEntries(
      Object.entries(files).map(([path, text]) => {
        const [name, ...rest] = path.split("/");
        return [`registry/${name}/package/${rest.join("/")}`, text];
      }),
    ),
  );
  const tarballs = new Map<string, Buffer>();
  for (const name of await readdir(join(folder.path, "registry"))) {
    const file = join(folder.path, `${name}.tgz`);
    await create({ cwd: join(folder.path, "registry", name), file, gzip: true, portable: true }, [
      "package",
    ]);
    tarballs.set(name, await readFile(file));
  }
  const integrity = (name: string): string =>
    `sha512-${createHash("sha512").update(tarballs.get(name)!).digest("base64")}`;
  const server = createServer((request, response) => {
    const [, name, tarball] = request.url!.split("/");
    const data = tarballs.get(name!);
    if (data === undefined) {
      response.writeHead(404).end("{}");
    } else if (tarball !== undefined) {
      response.end(data);
    } else {
      const { port } = server.address() as AddressInfo;
      const manifest = JSON.parse(files[`${name}/package.json`]!) as { version: string };
      const dist = {
        tarball: `http://127.0.0.1:${port}/${name}/-/${name}-${manifest.version}.tgz`,
        integrity: integrity(name!),
      };
      const versions = { [manifest.version]: { ...manifest, dist } };
      response.end(JSON.stringify({ name, "dist-tags": { latest: manifest.version }, versions }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    integrity,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function runNpm(cwd: string, registry: string, args: string[]): Promise<void> {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  await promisify(execFile)(
    npm,
    [...args, "--registry", registry, "--cache", join(cwd, ".cache"), "--no-audit", "--no-fund"],
    { cwd, shell: process.platform === "win32" },
  );
}
