import type { Readable } from "node:stream";

/** A file of a model where it is stored. */
export interface Artifact {
  /** Relative to the model, with `/`. */
  readonly path: string;
  /** In bytes; `undefined` where the server does not say: for an empty file. */
  readonly size?: number;
}

/** The files of one model, wherever MLflow keeps them. */
export interface ArtifactSource {
  /** Says where in messages, and tells one place from another in the cache. */
  readonly where: string;
  /** The files lie here and need no download. */
  readonly directory?: string;
  /** @returns nothing when nothing is there. */
  list(): Promise<readonly Artifact[]>;
  /**
   * The bytes of a file, from its beginning: MLflow knows no ranges.
   * @throws Transient when the next try may do better.
   */
  open(path: string): Promise<Readable>;
}

/** One level of a listing. */
export interface Listed extends Artifact {
  readonly directory: boolean;
}

const MOST_FILES = 10_000;
const MOST_DEPTH = 32;

/** All files below a folder, of a server that lists one level at a time. */
export async function listAll(
  list: (folder: string) => Promise<readonly Listed[]>,
): Promise<Artifact[]> {
  const found: Artifact[] = [];
  const visit = async (folder: string, depth: number): Promise<void> => {
    for (const { directory, ...file } of await list(folder)) {
      // A name that leads out of its folder, or lists itself, is not followed.
      if (!isInside(file.path, folder)) continue;
      if (!directory) found.push(file);
      else if (depth < MOST_DEPTH) await visit(file.path, depth + 1);
      if (found.length > MOST_FILES) return;
    }
  };
  await visit("", 0);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function isInside(path: string, folder: string): boolean {
  const parts = path.split("/");
  const name = folder === "" ? path : path.slice(folder.length + 1);
  return (
    (folder === "" || path.startsWith(`${folder}/`)) &&
    name !== "" &&
    parts.every((part) => part !== "" && part !== "." && part !== "..")
  );
}
