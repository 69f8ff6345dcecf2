import { access, open, rename } from "node:fs/promises";
import type { LogFiles } from "./file-target.js";

/** The files of this machine. */
export const logFiles: LogFiles = {
  async open(path) {
    const handle = await open(path, "a+", 0o640);
    return {
      async look() {
        const { size, mtimeMs, ino } = await handle.stat();
        const last = Buffer.alloc(1);
        if (size > 0) await handle.read(last, 0, 1, size - 1);
        return { size, changed: mtimeMs, inode: ino, isWhole: size === 0 || last[0] === LINE_FEED };
      },
      async write(bytes, offset) {
        return (await handle.write(bytes, offset)).bytesWritten;
      },
      close: () => handle.close(),
    };
  },
  rename,
  exists: (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
};

const LINE_FEED = 10;
