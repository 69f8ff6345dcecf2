import { spawn, spawnSync } from "node:child_process";

/** Whether the programs of Prometheus are not on this machine, where tests may then do without. */
export const isMissing =
  spawnSync("promtool", ["--version"]).error !== undefined && process.env["CI"] !== "true";

export const NEEDS = "needs prometheus and promtool";

/** What promtool says, and its exit code. */
export async function promtool(
  args: readonly string[],
  input = "",
): Promise<{ code: number | null; text: string }> {
  const child = spawn("promtool", args, { stdio: ["pipe", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => (text += part));
  }
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { code, text };
}
