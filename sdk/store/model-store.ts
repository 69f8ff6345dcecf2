import { stat, rm } from "node:fs/promises";
import { join } from "node:path";
import { addBlob, blobPath } from "../bundle/blobs.js";
import { checkBundlePath } from "../bundle/bundle-path.js";
import { findClosestName } from "../core/closest-name.js";
import { EkibenError } from "../core/errors.js";
import { checkName, createVersion, parseTag, printTag } from "../core/tag.js";
import type { ModelContent } from "../models/model.js";
import { chooseVersion } from "./choose-version.js";
import { findStoreDirectory } from "./directory.js";
import { readAliases, writeAliases, type Aliases } from "./model-aliases.js";
import { openedDirectory, sweepBlobs } from "./model-files.js";
import { MODEL_KINDS, type StoredKind } from "./model-kinds.js";
import {
  createModelDigest,
  listModelNames,
  listRecords,
  RECORD_FORMAT,
  recordPath,
  type ModelRecord,
  type ReadRecord,
  type StoredFile,
} from "./model-record.js";
import { parseModelReference } from "./model-reference.js";
import { addFacts, checkFacts, type ModelFacts } from "./model-facts.js";
import { withLock } from "./store-lock.js";
import { writeWhole } from "./write-whole.js";

/** A version of a stored model, with the aliases that lead to it. */
export interface FoundModel {
  readonly record: ModelRecord;
  readonly aliases: readonly string[];
}

/** A version in a list; `damaged` says why its record cannot be read. */
export type ListedModel =
  | (FoundModel & { readonly name: string; readonly version: string; readonly damaged?: undefined })
  | { readonly name: string; readonly version: string; readonly damaged: string };

export interface AddModelOptions extends ModelFacts {
  name: string;
  /** @default the time and the first digits of the digest */
  version?: string;
  now?: () => Date;
}

export interface AddedModel extends FoundModel {
  /** The newest version was the same already: this is that one. */
  readonly existing: boolean;
}

/** The models of one machine. */
export interface ModelStore {
  readonly directory: string;
  /** Versions by name, newest first; of one name, or with all of these labels. */
  list(filter?: {
    name?: string;
    labels?: Readonly<Record<string, string>>;
  }): Promise<ListedModel[]>;
  /**
   * Finds `name`, `name:latest`, `name:version`, `name:` and the unique beginning of a version, or
   * `name@alias`.
   * @throws MODEL_NOT_FOUND with what is there; MODEL_CORRUPT; TAG_INVALID
   */
  find(reference: string): Promise<FoundModel>;
  /** The version that a reference means, also one whose record cannot be read. @throws as `find` */
  locate(reference: string): Promise<{ name: string; version: string }>;
  /**
   * Puts a model in; one that the newest version is already gets the labels and metrics only.
   * @throws MODEL_EXISTS when its version is another model; MODEL_FILE_MISSING; TAG_INVALID
   */
  add(content: ModelContent, options: AddModelOptions): Promise<AddedModel>;
  /** Sets labels, metrics and aliases of a version. @throws as `find` */
  tag(reference: string, facts: ModelFacts): Promise<FoundModel>;
  /** Removes a version for good. Bundles that have its files keep them. @throws as `find` */
  remove(reference: string): Promise<{ name: string; version: string }>;
}

/** The model store in a folder, which need not exist. */
export function openModelStore(directory = findStoreDirectory()): ModelStore {
  const locked = <Result>(work: () => Promise<Result>): Promise<Result> =>
    withLock(join(directory, "models"), work);

  async function findRead(reference: string): Promise<{ name: string; read: ReadRecord }> {
    const { name, version, alias } = parseModelReference(reference);
    const versions = await listRecords(directory, name);
    if (versions.length === 0) throw await unknownName(reference, name);
    const wanted = alias === undefined ? version : await findAlias(name, alias);
    const chosen = chooseVersion(versions, wanted);
    if (chosen.found !== undefined) return { name, read: chosen.found };
    const { candidates } = chosen;
    throw unknownVersion(reference, name, candidates.length > 0 ? candidates : versions, {
      ambiguous: candidates.length,
    });
  }

  async function find(reference: string): Promise<FoundModel> {
    const { name, read } = await findRead(reference);
    if (read.record !== undefined) return withAliases(read.record);
    throw new EkibenError("MODEL_CORRUPT", {
      detail: `${printTag({ name, version: read.version })} cannot be read: ${read.damaged}`,
      hint: "Name another version, or remove it with `ekiben models delete` and import it again.",
      received: reference,
    });
  }

  async function findAlias(name: string, alias: string): Promise<string> {
    const aliases = await readAliases(directory, name);
    if (Object.hasOwn(aliases, alias)) return aliases[alias]!;
    const known = Object.keys(aliases);
    const similar = findClosestName(alias, known);
    throw new EkibenError("MODEL_NOT_FOUND", {
      detail: `The model ${name} has no alias ${alias}.`,
      hint:
        similar !== undefined
          ? `Did you mean ${name}@${similar}?`
          : known.length > 0
            ? `There is: ${known.map((one) => `${name}@${one}`).join(", ")}.`
            : `Give it with \`ekiben models tag ${name}:<version> --alias ${alias}\`.`,
      received: `${name}@${alias}`,
    });
  }

  async function unknownName(reference: string, name: string): Promise<EkibenError> {
    const known = await listModelNames(directory);
    const similar = findClosestName(name, known);
    return new EkibenError("MODEL_NOT_FOUND", {
      detail: `The store ${directory} has no model ${name}.`,
      hint:
        similar !== undefined
          ? `Did you mean ${similar}?`
          : known.length === 0
            ? "It has no models: put one in with `ekiben models import <file> --name <name>`."
            : `There is: ${known.slice(0, 10).join(", ")}.`,
      received: reference,
    });
  }

  async function withAliases(record: ModelRecord, known?: Aliases): Promise<FoundModel> {
    const aliases = known ?? (await readAliases(directory, record.name));
    const own = Object.keys(aliases).filter((alias) => aliases[alias] === record.version);
    return { record, aliases: own.sort() };
  }

  /** Writes a record and what leads to it; needs the lock. */
  async function keep(before: ModelRecord, facts: ModelFacts): Promise<FoundModel> {
    const { record, aliases } = addFacts(before, await readAliases(directory, before.name), facts);
    await writeWhole(recordPath(directory, record), `${JSON.stringify(record, null, 2)}\n`);
    await writeAliases(directory, record.name, aliases);
    return withAliases(record, aliases);
  }

  async function listUsed(): Promise<{ hashes: Set<string>; digests: Set<string> } | undefined> {
    const hashes = new Set<string>();
    const digests = new Set<string>();
    for (const name of await listModelNames(directory)) {
      for (const { record } of await listRecords(directory, name)) {
        // What a record that cannot be read needs is not known.
        if (record === undefined) return undefined;
        digests.add(record.digest);
        for (const { sha256 } of record.files) hashes.add(sha256);
      }
    }
    return { hashes, digests };
  }

  return {
    directory,
    find,

    async locate(reference) {
      const { name, read } = await findRead(reference);
      return { name, version: read.version };
    },

    async list({ name, labels = {} } = {}) {
      if (name !== undefined) checkName(name, "model");
      const names = name === undefined ? await listModelNames(directory) : [name];
      const found: ListedModel[] = [];
      for (const one of names) {
        const aliases = await readAliases(directory, one);
        for (const { version, record, damaged } of await listRecords(directory, one)) {
          if (record === undefined) found.push({ name: one, version, damaged });
          else if (hasLabels(record, labels)) {
            found.push({ name: one, version, ...(await withAliases(record, aliases)) });
          }
        }
      }
      return found;
    },

    async add(content, options) {
      const name = checkName(options.name, "model");
      if (options.version !== undefined) checkVersion(name, options.version);
      checkFacts(options);
      const kind = checkKind(content.kind);
      for (;;) {
        const files: StoredFile[] = [];
        for (const { source, path } of content.files) {
          files.push({
            path: checkBundlePath(path),
            ...(await addBlob(directory, name, source)),
          });
        }
        files.sort((a, b) => (a.path < b.path ? -1 : 1));
        const { entry } = content;
        const parts = { kind, ...(entry === undefined ? {} : { entry }), files };
        const added = await locked(() => publish(name, parts, content, options));
        // `undefined`: a model that had the same files was removed in between, and they with it.
        if (added !== undefined) return added;
      }
    },

    async tag(reference, facts) {
      checkFacts(facts);
      return locked(async () => keep((await find(reference)).record, facts));
    },

    async remove(reference) {
      return locked(async () => {
        const { name, read } = await findRead(reference);
        const { version, record } = read;
        const aliases = await readAliases(directory, name);
        const left = Object.entries(aliases).filter(([, to]) => to !== version);
        await rm(recordPath(directory, { name, version }));
        await writeAliases(directory, name, Object.fromEntries(left));
        const used = await listUsed();
        if (used !== undefined) {
          await sweepBlobs(directory, record?.files ?? [], used.hashes);
          if (record !== undefined && !used.digests.has(record.digest)) {
            const opened = openedDirectory(directory, record.digest);
            await rm(opened, { recursive: true, force: true, maxRetries: 3 });
          }
        }
        return { name, version };
      });
    },
  };

  async function publish(
    name: string,
    parts: Pick<ModelRecord, "kind" | "entry" | "files">,
    { provenance = {} }: ModelContent,
    options: AddModelOptions,
  ): Promise<AddedModel | undefined> {
    const digest = createModelDigest(parts);
    for (const { sha256 } of parts.files) {
      if (!(await stat(blobPath(directory, sha256)).catch(() => undefined))) return undefined;
    }
    const now = (options.now ?? (() => new Date()))();
    const versions = await listRecords(directory, name);
    const version = options.version ?? createVersion(now, digest);
    const same =
      options.version === undefined
        ? [versions[0], versions.find((one) => one.version === version)]
        : [versions.find((one) => one.version === version)];
    for (const one of same) {
      if (one?.record?.digest !== digest) continue;
      return { ...(await keep(one.record, options)), existing: true };
    }
    if (versions.some((one) => one.version === version)) throw taken(name, version);
    const record: ModelRecord = {
      format: RECORD_FORMAT,
      name,
      version,
      ...parts,
      digest,
      created: now.toISOString(),
      labels: {},
      metrics: {},
      provenance: { ...provenance },
    };
    return { ...(await keep(record, options)), existing: false };
  }
}

function hasLabels(record: ModelRecord, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(labels).every(([key, value]) => record.labels[key] === value);
}

function checkKind(kind: string): StoredKind {
  const known = MODEL_KINDS.find((one) => one === kind);
  if (known !== undefined) return known;
  throw new EkibenError("COMMAND_INVALID", {
    detail: `There is no kind of model ${JSON.stringify(kind)}.`,
    hint: `Use one of ${MODEL_KINDS.join(", ")}.`,
    expected: MODEL_KINDS.join(", "),
    received: kind,
  });
}

function checkVersion(name: string, version: string): void {
  if (parseTag(`${name}:${version}`).version !== "latest") return;
  throw new EkibenError("TAG_INVALID", {
    detail: "A version cannot be called latest: that always means the newest one.",
    hint: "Choose another version, or leave it out.",
  });
}

function taken(name: string, version: string): EkibenError {
  return new EkibenError("MODEL_EXISTS", {
    detail: `${name}:${version} is in the store already, and it is another model.`,
    hint: "A version is never overwritten: choose another one, or leave it out.",
  });
}

function unknownVersion(
  reference: string,
  name: string,
  versions: readonly ReadRecord[],
  { ambiguous }: { ambiguous: number },
): EkibenError {
  const shown = versions.slice(0, 5).map(({ version }) => `${name}:${version}`);
  const more = versions.length > shown.length ? ", …" : "";
  return new EkibenError("MODEL_NOT_FOUND", {
    detail:
      ambiguous > 1
        ? `${ambiguous} versions begin like ${reference}.`
        : `There is no model ${reference} in the store.`,
    hint: `${ambiguous > 1 ? "Write more of one of them" : "There is"}: ${shown.join(", ")}${more}.`,
    received: reference,
  });
}
