import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const title = "a million predictions of a TensorFlow.js model, loaded anew on the way";

const PREDICTIONS = 1_000_000;

/** In a process of its own, which can collect its garbage before it looks at its memory. */
export async function run({ seconds, say, predictions = PREDICTIONS }) {
  const script = fileURLToPath(new URL("../predict-tfjs.js", import.meta.url));
  const child = fork(script, [String(predictions), String(seconds)], {
    execArgv: ["--expose-gc"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let findings;
  let written = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (written += text));
  child.on("message", (message) => {
    if (message.say !== undefined) say(message.say);
    else findings = message.findings;
  });
  try {
    await once(child, "close");
  } finally {
    child.kill();
  }
  return findings ?? [`ended with code ${child.exitCode}: ${written.slice(-2000)}`];
}
