import { existsSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createHeadlessKernel,
  findKernelMain,
  type HeadlessKernel,
  type HeadlessKernelOptions,
} from "../../kernels/tslab/headless.js";

/** The kernel is a process of its own, so the tests run what was compiled. */
export function requireBuild(): void {
  if (!existsSync(findKernelMain())) {
    throw new Error(`${findKernelMain()} is missing: run \`npm run build\` before these tests.`);
  }
}

export function openKernel(options: HeadlessKernelOptions = {}): Promise<HeadlessKernel> {
  requireBuild();
  return createHeadlessKernel(options);
}

export interface Folder extends AsyncDisposable {
  readonly path: string;
}

/** An empty folder far from any `node_modules`. */
export async function openFolder(): Promise<Folder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "ekiben-test-")));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until `holds` does, for `limitMs` at most; says whether it did. */
export async function until(holds: () => boolean, limitMs: number): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  while (!holds()) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}
