import { expect, test } from "vitest";
import { createOutputWriter } from "../../sdk/observability/lines/write-output.js";

function fail(code: string): never {
  throw Object.assign(new Error(code), { code });
}

test("a line is written whole, however the descriptor takes it", () => {
  let written = "";
  let calls = 0;
  const write = createOutputWriter(1, (_fd, bytes) => {
    calls++;
    if (calls % 2 === 1) fail("EAGAIN");
    const part = bytes.subarray(0, 3);
    written += Buffer.from(part).toString("latin1");
    return part.byteLength;
  });
  write("one line\n");
  write("another\n");
  expect(written).toBe("one line\nanother\n");
});

test.each(["EPIPE", "ENOSPC", "EIO"])("%s loses the line, and not the process", (code) => {
  const write = createOutputWriter(1, () => fail(code));
  expect(() => write("gone\n")).not.toThrow();
});
