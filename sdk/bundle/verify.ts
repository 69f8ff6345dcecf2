import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { EkibenError, type ErrorCode } from "../core/errors.js";
import { toRequestInit } from "../http/sent-request.js";
import { compareAnswers } from "./compare-answers.js";
import type { Difference } from "./find-difference.js";
import { openBundle, type Bundle } from "./load.js";
import { allFiles, MANIFEST_FILE } from "./manifest.js";
import { readSampleAnswer, readSamples, type Sample, type SampleAnswer } from "./sample.js";

/** A bundle that serves in a process of its own. */
export interface StartedServer {
  readonly url: string;
  stop(): Promise<void>;
  /** What it wrote so far. */
  output(): string;
}

export interface VerifyOptions {
  /** Starts the bundle of a folder and resolves when it is ready. */
  start(directory: string): Promise<StartedServer>;
  /** How much numbers may differ, as a share of the greater one. @default 1e-6 */
  tolerance?: number;
  /** Milliseconds for one answer. @default 120_000 */
  timeoutMs?: number;
  /** The headers that a sample was sent with and does not keep, such as a key. */
  headersOf?(sample: Sample): Readonly<Record<string, string>>;
}

/** One replayed sample. */
export interface VerifyResult {
  /** Its path in the bundle. */
  sample: string;
  api: string;
  milliseconds: number;
  /** Why it could not be compared. */
  skipped?: string;
}

/**
 * Copies a bundle into an empty folder, starts it there and sends it its own samples.
 * @throws BUNDLE_VERIFY_FAILED with the first difference; what `openBundle` and `start` throw.
 */
export async function verifyBundle(
  directory: string,
  options: VerifyOptions,
): Promise<VerifyResult[]> {
  const bundle = await openBundle(directory);
  const samples = await readSamples(bundle);
  const folder = await mkdtemp(join(tmpdir(), "ekiben-verify-"));
  try {
    await copyBundle(bundle, folder);
    const server = await options.start(folder);
    try {
      const results: VerifyResult[] = [];
      for (const [path, sample] of samples) {
        const began = performance.now();
        const skipped = await replay(sample, path, server, options);
        const milliseconds = performance.now() - began;
        results.push({
          sample: path,
          api: sample.api,
          milliseconds,
          ...(skipped === undefined ? {} : { skipped }),
        });
      }
      return results;
    } finally {
      await server.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  }
}

/** Only what the manifest lists: a bundle that needs anything else is not whole. */
async function copyBundle({ directory, manifest }: Bundle, folder: string): Promise<void> {
  for (const path of [MANIFEST_FILE, ...allFiles(manifest).map((file) => file.path)]) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await copyFile(join(directory, path), join(folder, path));
  }
  const installed = join(directory, "node_modules");
  if (existsSync(installed)) await symlink(installed, join(folder, "node_modules"), "junction");
}

/** Sends a sample again; says why when nothing could be compared. */
async function replay(
  sample: Sample,
  path: string,
  server: StartedServer,
  options: VerifyOptions,
): Promise<string | undefined> {
  const { request, answer } = sample;
  const given = options.headersOf?.(sample) ?? {};
  const response = await fetch(`${server.url}${request.path}`, {
    ...toRequestInit({ ...request, headers: { ...request.headers, ...given } }),
    signal: AbortSignal.timeout(options.timeoutMs ?? 120_000),
  }).catch((cause: unknown) => {
    throw failed(path, `got no answer: ${(cause as Error).message}`, server, cause);
  });
  const now = await readSampleAnswer(response);
  const difference =
    now.status === answer.status ? compareAnswers(answer, now, options.tolerance) : undefined;
  if (now.status === answer.status && difference === undefined) return undefined;
  const withheld = sample.withheld.filter((name) => !Object.hasOwn(given, name));
  if (withheld.length > 0) {
    return `it needs ${withheld.join(", ")}, which is not kept (${now.status})`;
  }
  if (Object.keys(given).length === 0 && asksForCredentials(now)) {
    return `it asks for credentials, and none were given (${now.status})`;
  }
  if (difference !== undefined) throw differs(path, difference);
  const what = `was answered with ${now.status} instead of ${answer.status}: ${shorten(Buffer.from(now.bytes).toString("utf8"))}`;
  throw handlerFailed(path, server) ?? failed(path, what, server);
}

function asksForCredentials({ status, bytes }: SampleAnswer): boolean {
  const lacksOwn = `"code":"${"CREDENTIALS_MISSING" satisfies ErrorCode}"`;
  return (
    status === 401 || status === 403 || (status === 503 && Buffer.from(bytes).includes(lacksOwn))
  );
}

function differs(path: string, difference: Difference): EkibenError {
  const at = difference.path === "" ? "the answer" : difference.path;
  return new EkibenError("BUNDLE_VERIFY_FAILED", {
    detail: `${path} has another answer in the bundle: ${at} was ${print(difference.recorded)} and is ${print(difference.now)}.`,
    hint: "Look for what the answer depends on besides its input: time, chance, state, or a file outside of the bundle.",
    expected: print(difference.recorded),
    received: print(difference.now),
    issues: [{ message: "the answer differs", path: difference.path }],
  });
}

/** When a handler failed in the bundle, its own words from the log say more than the answer. */
function handlerFailed(path: string, server: StartedServer): EkibenError | undefined {
  for (const line of server.output().split("\n").reverse()) {
    if (!line.startsWith("{")) continue;
    let read: Record<string, unknown>;
    try {
      read = JSON.parse(line) as Record<string, unknown>;
    } catch {
      continue;
    }
    const message = read["error.message"];
    if (read["log.level"] !== "error" || typeof message !== "string") continue;
    return new EkibenError("BUNDLE_VERIFY_FAILED", {
      detail: `${path} is not answered in the bundle: ${message}.`,
      hint: "A bundle runs in a folder of its own: files that a handler reads by a path are not in it. Read them in a cell into a variable, which is saved by value.",
    });
  }
  return undefined;
}

function failed(path: string, what: string, server: StartedServer, cause?: unknown): EkibenError {
  const output = server.output().trim().split("\n").slice(-20).join("\n");
  return new EkibenError("BUNDLE_VERIFY_FAILED", {
    detail: `${path} ${what}.`,
    hint: output === "" ? "The server wrote nothing." : `The server wrote:\n${output}`,
    ...(cause === undefined ? {} : { cause }),
  });
}

function print(value: unknown): string {
  return value === undefined ? "absent" : shorten(JSON.stringify(value));
}

function shorten(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
