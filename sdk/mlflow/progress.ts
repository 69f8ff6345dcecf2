import { findNotebookHost } from "../core/cell-record.js";
import type { DownloadProgress } from "./download.js";

const QUIET_MS = 2000;
const EVERY_MS = 200;

/**
 * Tells of a download that takes longer than a moment: one line that counts on a terminal, a line
 * every ten seconds and one at the end in a notebook, and nothing where nobody looks.
 */
export function createProgressReport(
  model: string,
  server: string | undefined,
  { now = () => performance.now(), terminal = process.stderr, host = findNotebookHost() } = {},
): (progress: DownloadProgress) => void {
  const began = now();
  let next = began + QUIET_MS;
  let shown = false;
  if (host === undefined && !terminal.isTTY) return () => {};
  return ({ receivedBytes, totalBytes, done }) => {
    const time = now();
    if (done ? !shown : time < next) return;
    next = time + (host === undefined ? EVERY_MS : 10_000);
    shown = true;
    const seconds = ((time - began) / 1000).toFixed(1);
    const from = server === undefined ? "" : ` from ${new URL(server).host}`;
    const text = done
      ? `Downloaded ${model}${from}: ${printSize(totalBytes)} in ${seconds} s`
      : `Downloading ${model}${from}: ${printSize(receivedBytes)} of ${printSize(totalBytes)}`;
    if (host !== undefined) host.display({ "text/plain": text });
    else terminal.write(`\r${text}\u001b[K${done ? "\n" : ""}`);
  };
}

function printSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
