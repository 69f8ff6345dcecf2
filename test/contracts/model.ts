import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { EkibenError, type ErrorCode } from "../../sdk/core/errors.js";
import { createExecutors } from "../../sdk/execution/create-executors.js";
import type { ExecutionOptions, ExecutionPlace } from "../../sdk/models/engine.js";
import type { LoadedModel, ModelDefinition } from "../../sdk/models/model.js";
import { silentLog } from "../../sdk/observability/log.js";

/** One kind of model, with what the suite needs to try it. */
export interface ModelSubject<Loaded extends LoadedModel> {
  kind: string;
  /** A model that loads; its files must not be changed. */
  define(options?: ExecutionOptions): ModelDefinition<Loaded>;
  /** A model whose file is not there. */
  defineMissing(options?: ExecutionOptions): { definition: ModelDefinition<Loaded>; file: string };
  /** A model whose file is something else. */
  defineInvalid(options?: ExecutionOptions): { definition: ModelDefinition<Loaded>; file: string };
  /** What a kind that finds its files elsewhere than at a path says of these two. */
  codes?: { missing: ErrorCode; invalid: ErrorCode };
  /** Answers one fixed request, as plain data. */
  use(model: Loaded): Promise<unknown>;
  /** Where such a model can compute without the code of a bundle. @default both */
  places?: readonly ExecutionPlace[];
}

const executors = createExecutors({ log: silentLog });

async function loadModel<Loaded extends LoadedModel>(
  definition: ModelDefinition<Loaded>,
  directory?: string,
): Promise<Loaded> {
  const model = await definition.load({
    name: "subject",
    executors,
    ...(directory !== undefined && { directory }),
  });
  onTestFinished(() => model.release());
  return model;
}

async function copyFiles(definition: ModelDefinition): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "ekiben-contract-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  for (const { source, path } of await definition.files()) {
    const target = join(directory, ...path.split("/"));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(source, target);
  }
  return directory;
}

/** What every kind of model promises: to save, to load from a bundle's folder, and to let go. */
export function describeModelContract<Loaded extends LoadedModel>(
  subject: ModelSubject<Loaded>,
): void {
  const { missing, invalid } = subject.codes ?? {
    missing: "MODEL_FILE_MISSING",
    invalid: "MODEL_FILE_INVALID",
  };
  describe(`model contract: ${subject.kind}`, () => {
    it("names its kind", () => {
      expect(subject.define().kind).toBe(subject.kind);
    });

    it("lists files that exist, under relative paths that no two share", async () => {
      const files = await subject.define().files();
      expect(files.length).toBeGreaterThan(0);
      for (const { source, path } of files) {
        expect(isAbsolute(source)).toBe(true);
        expect(statSync(source).isFile()).toBe(true);
        expect(path).not.toMatch(/^[/.]|\\|:|(^|\/)\.\.(\/|$)|\/$/);
      }
      expect(new Set(files.map((file) => file.path)).size).toBe(files.length);
    });

    it("lists the same files each time", async () => {
      const definition = subject.define();
      expect(await definition.files()).toEqual(await definition.files());
    });
  });

  for (const place of subject.places ?? (["loop", "worker"] as const)) {
    describe(`model contract: ${subject.kind}, execution: "${place}"`, () => {
      const options: ExecutionOptions = { execution: place };

      it("computes where it is told to, and says so", async () => {
        const model = await loadModel(subject.define(options));
        expect(model.execution?.()).toMatchObject({
          place,
          workers: place === "worker" ? 1 : 0,
          reason: expect.stringMatching(/^[A-Z].*\.$/),
        });
      });

      it("answers and describes as it does without threads, to the bit", async () => {
        const alone = await subject.define().load({ name: "subject" });
        onTestFinished(() => alone.release());
        const model = await loadModel(subject.define(options));
        expect(await subject.use(model)).toEqual(await subject.use(alone));
        expect(model.describe()).toEqual(alone.describe());
      });

      it("answers from a bundle's folder as from its own files", async () => {
        const definition = subject.define(options);
        const own = await loadModel(definition);
        const copied = await loadModel(subject.define(options), await copyFiles(definition));
        expect(await subject.use(copied)).toEqual(await subject.use(own));
        expect(copied.describe()).toEqual(own.describe());
      });

      it("reads nothing from its own files when it loads from a bundle's folder", async () => {
        const empty = mkdtempSync(join(tmpdir(), "ekiben-contract-"));
        onTestFinished(() => rmSync(empty, { recursive: true, force: true }));
        await expect(loadModel(subject.define(options), empty)).rejects.toMatchObject({
          code: "MODEL_FILE_MISSING",
        });
      });

      it("answers the same each time", async () => {
        const model = await loadModel(subject.define(options));
        expect(await subject.use(model)).toEqual(await subject.use(model));
      });

      it("describes itself as plain data of its kind", async () => {
        const model = await loadModel(subject.define(options));
        const description = model.describe();
        expect(description.kind).toBe(subject.kind);
        expect(JSON.parse(JSON.stringify(description))).toEqual(description);
      });

      it("loads several times, each on its own", async () => {
        const definition = subject.define(options);
        const first = await loadModel(definition);
        const second = await loadModel(definition);
        const answer = await subject.use(first);
        await first.release();
        expect(await subject.use(second)).toEqual(answer);
      });

      it("can be released twice, and refuses work after that", async () => {
        const model = await loadModel(subject.define(options));
        await model.release();
        await model.release();
        const refusal = await subject.use(model).catch((error: unknown) => error);
        expect(refusal).toBeInstanceOf(EkibenError);
        expect((refusal as EkibenError).message).toMatch(/released/);
      });

      it("finishes the work that has begun before it is released", async () => {
        const model = await loadModel(subject.define(options));
        const answer = await subject.use(model);
        const begun = [subject.use(model), subject.use(model)];
        await model.release();
        expect(await Promise.all(begun)).toEqual([answer, answer]);
      });

      it("is declared without its file, and then says which file is missing", async () => {
        const { definition, file } = subject.defineMissing(options);
        for (const act of [
          () => definition.files(),
          () => definition.load({ name: "subject", executors }),
        ]) {
          const error = await act().catch((reason: unknown) => reason);
          expect(error).toMatchObject({ code: missing });
          expect((error as Error).message).toContain(file);
        }
      });

      it("says which file is no model, and what to do", async () => {
        const { definition, file } = subject.defineInvalid(options);
        const error = await definition
          .load({ name: "subject", executors })
          .catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: invalid });
        expect((error as EkibenError).message).toContain(file);
        expect((error as EkibenError).facts.hint).toMatch(/\w+ .*\.$/);
      });
    });
  }
}
