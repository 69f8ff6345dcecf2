import { expect, test } from "vitest";
import { explainExit } from "../../../sdk/server/primary/exit-cause.js";

test.each([
  [null, "SIGKILL", "", /killed with SIGKILL.*want of memory/],
  [null, "SIGABRT", "FATAL ERROR: Reached heap limit", /ran out of memory.*--worker-memory/],
  [134, null, "JavaScript heap out of memory", /ran out of memory/],
  [null, "SIGABRT", "assertion failed\n", /aborted; its last words: assertion failed/],
  [null, "SIGSEGV", "", /crashed in native code with SIGSEGV/],
  [null, "SIGTERM", "", /killed with SIGTERM/],
  [0, null, "", /by itself with exit code 0/],
  [3, null, "one\ntwo\n", /exit code 3; its last words: two/],
] as const)("exit code %s, signal %s, %j", (code, signal, errors, cause) => {
  expect(explainExit({ code, signal, errors })).toMatch(cause);
});

test("what the primary itself has ended says why", () => {
  expect(explainExit({ code: null, signal: "SIGKILL", errors: "", ended: "it was late" })).toBe(
    "was ended by the primary: it was late",
  );
});
