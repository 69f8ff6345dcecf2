import { randomUUID } from "node:crypto";
import { findNotebookHost, type NotebookHost } from "../core/cell-record.js";
import { findPlainTslab } from "../core/plain-tslab.js";
import type { DownloadProgress } from "./download.js";

const QUIET_MS = 700;
const BAR_EVERY_MS = 200;
const LINE_EVERY_MS = 10_000;
const BAR_WIDTH = 24;

type Terminal = Pick<NodeJS.WriteStream, "isTTY" | "columns" | "write">;

/** How one download is shown: its state, and its last one. */
interface Face {
  readonly everyMs: number;
  show(state: State): void;
}

interface State {
  /** `churn version 3 from host:5000` */
  model: string;
  receivedBytes: number;
  totalBytes: number;
  /** Bytes a second so far. */
  rate: number;
  seconds: number;
  done: boolean;
}

interface ProgressPlaces {
  now?: () => number;
  terminal?: Terminal;
  host?: Pick<NotebookHost, "display"> | undefined;
  env?: NodeJS.ProcessEnv;
}

/**
 * Shows a download that takes longer than a moment: a bar under the cell or on a terminal, updated in
 * its place; lines where the output goes elsewhere, such as into a log; nothing in CI.
 */
export function createProgressReport(
  model: string,
  server: string | undefined,
  {
    now = () => performance.now(),
    terminal = process.stderr,
    host = findNotebookHost(),
    env = process.env,
  }: ProgressPlaces = {},
): (progress: DownloadProgress) => void {
  const face = findFace(terminal, host, env);
  if (face === undefined) return () => {};
  const named = server === undefined ? model : `${model} from ${new URL(server).host}`;
  const began = now();
  let next = began + QUIET_MS;
  let shown = false;
  return ({ receivedBytes, totalBytes, done }) => {
    const time = now();
    if (done ? !shown : time < next) return;
    next = time + face.everyMs;
    shown = true;
    const seconds = (time - began) / 1000;
    const rate = receivedBytes / Math.max(seconds, 0.001);
    face.show({ model: named, receivedBytes, totalBytes, rate, seconds, done });
  };
}

function findFace(
  terminal: Terminal,
  host: Pick<NotebookHost, "display"> | undefined,
  env: NodeJS.ProcessEnv,
): Face | undefined {
  if (host !== undefined) {
    const id = randomUUID();
    return {
      everyMs: BAR_EVERY_MS,
      show: (state) =>
        host.display({ "text/plain": printLine(state), "text/html": printHtml(state) }, id),
    };
  }
  const tslab = findPlainTslab();
  if (tslab !== undefined) {
    const display = tslab.require("tslab").newDisplay();
    return { everyMs: BAR_EVERY_MS, show: (state) => display.html(printHtml(state)) };
  }
  if (terminal.isTTY) {
    return {
      everyMs: BAR_EVERY_MS,
      show: (state) => {
        const text = state.done ? printLine(state) : printBar(state, terminal.columns ?? 80);
        terminal.write(`\r${text}\u001b[K${state.done ? "\n" : ""}`);
      },
    };
  }
  if (!["", undefined, "0", "false"].includes(env["CI"])) return undefined;
  return {
    everyMs: LINE_EVERY_MS,
    show: (state) => void terminal.write(`${printLine(state)}\n`),
  };
}

function printLine({ model, receivedBytes, totalBytes, seconds, done }: State): string {
  return done
    ? `Downloaded ${model}: ${printSize(totalBytes)} in ${seconds.toFixed(1)} s`
    : `Downloading ${model}: ${printSize(receivedBytes)} of ${printSize(totalBytes)} (${printShare(receivedBytes, totalBytes)})`;
}

function printBar(state: State, columns: number): string {
  const { model, receivedBytes, totalBytes } = state;
  const filled = Math.round(BAR_WIDTH * toShare(receivedBytes, totalBytes));
  const bar = `[${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}]`;
  const numbers = `${bar} ${printShare(receivedBytes, totalBytes)} of ${printSize(totalBytes)}  ${printPace(state)}`;
  // A line that is broken by the terminal cannot be written over.
  const room = columns - 1 - numbers.length - 2;
  if (room < 8) return numbers.slice(0, Math.max(columns - 1, 0));
  const name = model.length > room ? `${model.slice(0, room - 1)}…` : model;
  return `${name}  ${numbers}`;
}

function printHtml(state: State): string {
  const { receivedBytes, totalBytes, done } = state;
  const text = escape(printLine(state));
  if (done) return `<div>${text}</div>`;
  const share = toShare(receivedBytes, totalBytes).toFixed(3);
  return `<div>${text} <progress max="1" value="${share}"></progress> ${escape(printPace(state))}</div>`;
}

function printPace({ receivedBytes, totalBytes, rate }: State): string {
  const left = Math.max(totalBytes - receivedBytes, 0) / Math.max(rate, 1);
  return `${printSize(Math.round(rate))}/s, ${printTime(left)} left`;
}

function toShare(received: number, total: number): number {
  return total === 0 ? 1 : Math.min(received / total, 1);
}

function printShare(received: number, total: number): string {
  return `${Math.floor(100 * toShare(received, total))} %`;
}

function printTime(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function printSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
