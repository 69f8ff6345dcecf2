import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CLIENT_CODES } from "../../sdk/client/client-error.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = readFileSync(join(root, "sdk/client/README.md"), "utf8");

function findBlocks(language: string): string[] {
  return Array.from(
    readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm")),
    (match) => match[1]!,
  );
}

let folder: string;
let server: ChildProcess;
let url: string;

async function writeModule(name: string, code: string): Promise<string> {
  const { code: compiled } = await transform(code, { loader: "ts", format: "esm" });
  const path = join(folder, name);
  writeFileSync(path, compiled);
  return path;
}

const here = (text: string): string => text.replaceAll("http://127.0.0.1:5000", url);

function run(command: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd: folder }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`${error.message}\n${stderr}`)),
    );
  });
}

async function isThere(command: string): Promise<boolean> {
  return await run(command, "--version").then(
    () => true,
    () => false,
  );
}

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "ekiben-readme-")));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules", "ekiben"), "junction");
  writeFileSync(join(folder, "README.md"), readme);
  const [service] = findBlocks("ts");
  await writeModule("service.mjs", service!);
  const start = await writeModule(
    "start.mjs",
    `import { shop } from "./service.mjs";
     const { url } = await shop.startDevServer({ port: 0 });
     console.log("serving " + url);`,
  );
  server = spawn(process.execPath, [start], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: server.stdout! })) {
    const [, found] = /^serving (\S+)/.exec(line) ?? [];
    if (found === undefined) continue;
    url = found.replace(/\/$/, "");
    break;
  }
});

afterAll(async () => {
  const exited = once(server, "exit");
  server.kill();
  await exited;
  rmSync(folder, { recursive: true });
});

describe("the page of the client", () => {
  test("shows a client that runs as it stands", async () => {
    const client = await writeModule("page.mjs", here(findBlocks("ts")[1]!));
    expect((await run(process.execPath, client)).split("\n")).toEqual([
      "0.25",
      "broken: 3 bytes",
      "so",
      "far",
      "so",
      "good",
      "INPUT_INVALID 0 1",
      "",
    ]);
  });

  test("shows commands that run as they stand", async ({ skip }) => {
    if (process.platform === "win32" || !(await isThere("curl"))) skip();
    const answered = await run("sh", "-c", here(findBlocks("sh")[0]!));
    const bytes = Buffer.byteLength(readme);
    expect(answered).toBe(
      `[{"churn":0.25}]"broken: ${bytes} bytes"` +
        'data: {"token":"so"}\n\ndata: {"token":"far"}\n\nevent: end\ndata: {}\n\n',
    );
  });

  test("shows a client in Python that runs as it stands", async ({ skip }) => {
    if (!(await isThere("python3"))) skip();
    const file = join(folder, "client.py");
    writeFileSync(file, here(findBlocks("python")[0]!));
    expect(await run("python3", file)).toBe("[{'churn': 0.25}]\n422 INPUT_INVALID plan\n");
  });

  test("lists exactly the codes of the client", () => {
    const listed = Array.from(readme.matchAll(/^\| `([A-Z_]+)` \|/gm), (match) => match[1]);
    expect(listed).toEqual([...CLIENT_CODES]);
  });
});
