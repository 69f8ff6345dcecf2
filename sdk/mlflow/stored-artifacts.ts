import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { z } from "zod";
import { EkibenError } from "../core/errors.js";
import { listAll, type ArtifactSource, type Listed } from "./artifact-source.js";
import { readBody, send } from "./exchange.js";
import { API, ask, explainRefusal, toUrl, type Question } from "./rest.js";
import type { Settings } from "./settings.js";

const MOST_REFUSAL_BYTES = 1024 * 1024;
const PROXY = "api/2.0/mlflow-artifacts/artifacts";

const listing = z.object({
  root_uri: z.string().optional(),
  files: z
    .array(
      z.object({
        path: z.string(),
        is_dir: z.boolean().default(false),
        file_size: z.coerce.number().int().nonnegative().optional(),
      }),
    )
    .default([]),
});

type ListedFile = z.output<typeof listing>["files"][number];

/** How the tracking server itself gives out the files of a model, wherever they are stored. */
export interface ServedModel {
  /** The run whose artifacts the model is among, and where among them. */
  run?: { readonly id: string; readonly path: string };
  version?: { readonly name: string; readonly version: string };
  /** MLflow 3. */
  modelId?: string;
}

/**
 * Files below `mlflow-artifacts:`, which the server passes on from its storage.
 * @param server Where the proxy is: the tracking server, or another one, without credentials.
 */
export function createProxiedSource(
  settings: Settings,
  server: URL,
  { root, served }: { root: string; served: ServedModel },
): ArtifactSource {
  const below = (path: string): string => [root, path].filter((part) => part !== "").join("/");
  return {
    where: `${server.origin}${server.pathname} mlflow-artifacts:/${root}`,
    list: () =>
      listAll(async (folder) => {
        const files = await askListing(settings, server, {
          method: "GET",
          path: PROXY,
          query: { path: below(folder) },
        });
        // Base names here, and paths from the root elsewhere.
        return files.map((one) =>
          toListed(one, folder === "" ? one.path : `${folder}/${one.path}`),
        );
      }),
    open(path) {
      // A name outside of ASCII breaks the header that the proxy answers with.
      const plain = /^[\x20-\x7e]*$/.test(path) ? undefined : toServedFile(served, path);
      return openUrl(
        settings,
        plain === undefined
          ? toUrl(server, `${PROXY}/${below(path).split("/").map(encodeURIComponent).join("/")}`)
          : toUrl(settings.tracking, plain.path, plain.query),
      );
    },
  };
}

/** Files that the tracking server reads from its storage one by one, as for its own pages. */
export function createServedSource(settings: Settings, served: ServedModel): ArtifactSource {
  const { tracking } = settings;
  const { run, modelId } = served;
  return {
    where: `${tracking.origin}${tracking.pathname} ${JSON.stringify(served)}`,
    async list() {
      if (modelId !== undefined) {
        return listAll(async (folder) => {
          const files = await askListing(settings, tracking, {
            method: "GET",
            path: `${API}/logged-models/${encodeURIComponent(modelId)}/artifacts/directories`,
            query: folder === "" ? {} : { artifact_directory_path: folder },
          });
          return files.map((one) => toListed(one, one.path));
        });
      }
      if (run === undefined) return [];
      return listAll(async (folder) => {
        const path = folder === "" ? run.path : `${run.path}/${folder}`;
        const files = await askListing(settings, tracking, {
          method: "GET",
          path: `${API}/artifacts/list`,
          query: { run_id: run.id, path },
        });
        return files
          .filter((one) => one.path.startsWith(`${run.path}/`))
          .map((one) => toListed(one, one.path.slice(run.path.length + 1)));
      });
    },
    open(path) {
      const file = toServedFile(served, path)!;
      return openUrl(settings, toUrl(tracking, file.path, file.query));
    },
  };
}

function toServedFile(
  { run, version, modelId }: ServedModel,
  path: string,
): Pick<Question, "path" | "query"> | undefined {
  if (version !== undefined) {
    return { path: "model-versions/get-artifact", query: { ...version, path } };
  }
  if (modelId !== undefined) {
    return {
      path: `ajax-${API}/logged-models/${encodeURIComponent(modelId)}/artifacts/files`,
      query: { artifact_file_path: path },
    };
  }
  if (run === undefined) return undefined;
  return { path: "get-artifact", query: { run_id: run.id, path: `${run.path}/${path}` } };
}

/** The folder of a model on this machine. */
export function createFolderSource(directory: string): ArtifactSource {
  return {
    where: directory,
    directory,
    list: () =>
      listAll(async (folder) => {
        const entries = await readdir(join(directory, folder), { withFileTypes: true }).catch(
          (error: NodeJS.ErrnoException) => {
            if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
            throw error;
          },
        );
        return Promise.all(
          entries
            .filter((entry) => entry.isDirectory() || entry.isFile())
            .map(async (entry) => {
              const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
              if (entry.isDirectory()) return { path, directory: true };
              return { path, directory: false, size: (await stat(join(directory, path))).size };
            }),
        );
      }),
    open: async (path) => createReadStream(join(directory, path)),
  };
}

async function askListing(
  settings: Settings,
  server: URL,
  question: Question,
): Promise<ListedFile[]> {
  const parsed = listing.safeParse(await ask(settings, server, question));
  if (parsed.success) return parsed.data.files;
  throw new EkibenError("REGISTRY_UNREACHABLE", {
    detail: `${server.origin} lists files otherwise than MLflow does.`,
    hint: "Check that MLFLOW_TRACKING_URI leads to MLflow 2 or 3.",
  });
}

function toListed({ is_dir, file_size }: ListedFile, path: string): Listed {
  return { path, directory: is_dir, ...(file_size === undefined ? {} : { size: file_size }) };
}

async function openUrl(settings: Settings, url: URL): Promise<Readable> {
  const answer = await send(settings, { method: "GET", url, leavesServer: true });
  if (answer.status === 200) return answer.body;
  const text = (await readBody(url, answer, MOST_REFUSAL_BYTES)).toString("utf8");
  throw explainRefusal(settings, url, { ...answer, text });
}
