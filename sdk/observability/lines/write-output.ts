import { writeSync } from "node:fs";

const FULL_PIPE_MS = 20;

/**
 * Writes lines to a descriptor at once, so that what was logged is there however the process ends. A
 * pipe that is full is waited for. Lines are lost, and not the process, when nobody reads them any more
 * or the disk is full.
 */
export function createOutputWriter(
  fd = 1,
  write: (fd: number, bytes: Uint8Array) => number = writeSync,
): (line: string) => void {
  return (line) => {
    let rest: Uint8Array = Buffer.from(line);
    while (rest.byteLength > 0) {
      try {
        rest = rest.subarray(write(fd, rest));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
        pause(FULL_PIPE_MS);
      }
    }
  };
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
