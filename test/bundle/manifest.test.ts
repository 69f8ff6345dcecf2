import fc from "fast-check";
import { expect, test } from "vitest";
import { findPathFault } from "../../sdk/bundle/bundle-path.js";
import {
  createDigest,
  parseManifest,
  printManifest,
  type Manifest,
} from "../../sdk/bundle/manifest.js";

const hash = fc.stringMatching(/^[0-9a-f]{64}$/);
const word = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
const file = (prefix: string) =>
  fc.record({ path: word.map((name) => `${prefix}${name}`), sha256: hash, size: fc.nat() });
const unique = { selector: (one: { path?: string; name?: string }) => one.path ?? one.name };

const manifest: fc.Arbitrary<Manifest> = fc
  .record({
    name: word,
    version: word,
    created: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }),
    ekiben: fc.constant("0.1.0"),
    node: fc.constant("20.0.0"),
    models: fc.uniqueArray(
      word.chain((name) =>
        fc.record({
          name: fc.constant(name),
          kind: word,
          files: fc.uniqueArray(file(`models/${name}/`), { ...unique, maxLength: 3 }),
        }),
      ),
      { ...unique, maxLength: 3 },
    ),
    files: fc.uniqueArray(file("src/"), { ...unique, maxLength: 4 }),
    labels: fc.dictionary(word, fc.string(), { maxKeys: 3, noNullPrototype: true }),
    dependencies: fc.uniqueArray(fc.record({ name: word, version: word, reason: fc.string() }), {
      ...unique,
      maxLength: 3,
    }),
  })
  .map(({ created, ...rest }) => {
    const facts = { ...rest, apis: [] };
    return {
      format: 1 as const,
      ...facts,
      digest: createDigest(facts),
      created: created.toISOString(),
      provenance: { source: "file" as const },
    };
  });

test("the digest is the same for the same content, whoever made it and in whatever order", () => {
  fc.assert(
    fc.property(manifest, fc.string(), (one, other) => {
      const shuffled: Manifest = {
        ...one,
        version: other,
        created: "2001-01-01T00:00:00.000Z",
        node: other,
        provenance: { source: "notebook", file: other },
        models: [...one.models].reverse(),
        files: [
          ...[...one.files].reverse(),
          { path: "README.md", sha256: "0".repeat(64), size: 1 },
          { path: "openapi.json", sha256: "0".repeat(64), size: 1 },
        ],
        labels: Object.fromEntries(Object.entries(one.labels).reverse()),
        dependencies: one.dependencies.map((each) => ({ ...each, reason: other })).reverse(),
      };
      expect(createDigest(shuffled)).toBe(one.digest);
    }),
  );
});

test("the digest changes with any file, label, model or dependency", () => {
  fc.assert(
    fc.property(manifest, hash, word, (one, other, name) => {
      const changes: Partial<Manifest>[] = [
        { files: [...one.files, { path: "new", sha256: other, size: 0 }] },
        { labels: { ...one.labels, "a new label": name } },
        { dependencies: [...one.dependencies, { name: "@new/one", version: "1.0.0", reason: "" }] },
        { models: [...one.models, { name: "Z-new", kind: name, files: [] }] },
        { name: `${one.name}x` },
      ];
      const [first] = one.files;
      if (first !== undefined && first.sha256 !== other) {
        changes.push({ files: [{ ...first, sha256: other }, ...one.files.slice(1)] });
      }
      for (const change of changes) {
        expect(createDigest({ ...one, ...change }), JSON.stringify(change)).not.toBe(one.digest);
      }
    }),
  );
});

test("a manifest that is printed is read as it was", () => {
  fc.assert(
    fc.property(manifest, (one) => {
      expect(parseManifest(printManifest(one))).toEqual(one);
    }),
  );
});

const [valid] = fc.sample(manifest, { seed: 1, numRuns: 1 }) as [Manifest];

test("a later format is refused with the ekiben it needs", () => {
  const later = JSON.stringify({ format: 2, ekiben: "3.1.4", something: "new" });
  expect(() => parseManifest(later)).toThrow(
    expect.objectContaining({
      code: "BUNDLE_FORMAT_UNSUPPORTED",
      message: expect.stringMatching(/format 2.*format 1.*3\.1\.4/),
    }),
  );
});

test.each([
  ["no JSON", "{", /not JSON/],
  ["no object", "null", /not a manifest/],
  ["an earlier format than the first", JSON.stringify({ ...valid, format: 0 }), /format/],
  ["a missing member", JSON.stringify({ ...valid, apis: undefined }), /apis/],
  ["a path that leads out", withPath("../secret"), /leads out/],
  ["an absolute path", withPath("/etc/passwd"), /absolute/],
  ["a path with backslashes", withPath("..\\secret"), /character/],
  ["a drive", withPath("C:/secret"), /character/],
  ["a device", withPath("src/nul.txt"), /device/],
  ["a file twice", withFiles(["src/a", "src/A"]), /twice/],
  ["a hash that is none", JSON.stringify({ ...valid, digest: "abc" }), /SHA-256/],
])("a manifest with %s is refused", (_what, text, reason) => {
  expect(() => parseManifest(text)).toThrow(
    expect.objectContaining({ code: "BUNDLE_CORRUPT", message: expect.stringMatching(reason) }),
  );
});

test.each(["src/service.ts", ".npmrc", "models/a/variables.data-00000-of-00001", "a b/ü.txt"])(
  "the path %s is allowed",
  (path) => {
    expect(findPathFault(path)).toBeUndefined();
  },
);

test.each(["", "/", "a//b", "./a", "a/.", "a/../b", "a/", "COM1", "x/con.json", "a.", "a\u0000b"])(
  "the path %j is not allowed",
  (path) => {
    expect(findPathFault(path)).toEqual(expect.any(String));
  },
);

function withPath(path: string): string {
  return withFiles([path]);
}

function withFiles(paths: string[]): string {
  const files = paths.map((path) => ({ path, sha256: "0".repeat(64), size: 0 }));
  return JSON.stringify({ ...valid, files });
}
