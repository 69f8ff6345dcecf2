import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { findKernelMain, type HeadlessKernel } from "../../kernels/tslab/headless.js";
import { isRunning, openFolder, openKernel, until } from "./kernel-room.js";

// A kernel takes a second to start, and many times that on a busy machine.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const posix = process.platform !== "win32";

test.each([
  [1, "starts"],
  [9, "does not start"],
])(
  "a kernel that finds its ports taken %d times in between gets others, within reason: it %s",
  async (times) => {
    await using folder = await openFolder();
    const tried = join(folder.path, "tried");
    const file = join(folder.path, "late.mjs");
    await writeFile(
      file,
      `import { appendFileSync, readFileSync } from "node:fs";
       const { shell_port } = JSON.parse(readFileSync(process.argv[2], "utf8"));
       appendFileSync(${JSON.stringify(tried)}, shell_port + "\\n");
       const lines = readFileSync(${JSON.stringify(tried)}, "utf8").trim().split("\\n");
       if (lines.length <= ${times}) {
         console.error("Address already in use");
         process.exit(1);
       }
       await import(${JSON.stringify(pathToFileURL(findKernelMain()).href)});`,
    );
    const opened = openKernel({ command: [process.execPath, file, "{connection_file}"] });
    const ports = async () => (await readFile(tried, "utf8")).trim().split("\n");
    if (times > 3) {
      await expect(opened).rejects.toThrow("Address already in use");
      expect(await ports()).toHaveLength(3);
      return;
    }
    await using kernel = await opened;
    expect((await kernel.execute("6 * 7")).text).toBe("42\n");
    expect(await ports()).toHaveLength(times + 1);
  },
);

describe("shutdown", () => {
  test("ends a kernel that still has a server and timers open", async () => {
    await using kernel = await openKernel();
    const result = await kernel.execute(
      `import { createServer } from "node:http";
      setInterval(() => undefined, 1000);
      const server = createServer((_, response) => response.end("up")).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      (server.address() as { port: number }).port`,
    );
    const port = Number(result.text);
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe("up");
    await kernel.shutdown();
    expect(await kernel.exited).toEqual({ code: 0, signal: null });
    expect(isRunning(kernel.pid)).toBe(false);
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
  });

  test("first calls the registered closers, each whatever the others do", async () => {
    await using folder = await openFolder();
    await using kernel = await openKernel({ cwd: folder.path });
    await kernel.execute(
      `import { writeFileSync } from "node:fs";
      const closers = (globalThis as any)[Symbol.for("ekiben.closers")] as Set<() => unknown>;
      closers.add(() => { throw new Error("first"); });
      closers.add(() => new Promise(() => undefined));
      closers.add(async () => { await null; writeFileSync("closed", "yes"); });`,
    );
    await kernel.shutdown();
    expect(await kernel.exited).toEqual({ code: 0, signal: null });
    expect(await readFile(join(folder.path, "closed"), "utf8")).toBe("yes");
  });

  test.runIf(posix)("does not wait for a process that a cell started", async () => {
    await using kernel = await openKernel();
    const result = await kernel.execute(
      `import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
      const child = spawn("sleep", ["20"], { stdio: "inherit", detached: true });
      child.pid`,
    );
    const child = Number(result.text);
    try {
      const started = Date.now();
      await kernel.shutdown();
      expect(Date.now() - started).toBeLessThan(10_000);
      expect(isRunning(child)).toBe(true);
    } finally {
      process.kill(child, "SIGKILL");
    }
  });

  test("ends a kernel whose cell never lets go", async () => {
    await using kernel = await openKernel();
    const running = kernel.execute(`console.log("on"); for (;;) {}`);
    const failed = expect(running).rejects.toMatchObject({ code: "KERNEL_FAILED" });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await kernel.shutdown();
    await failed;
    expect(isRunning(kernel.pid)).toBe(false);
  });
});

/** Starts a kernel from a process that is then killed; returns the kernel's pid. */
async function orphan(code: string, env: NodeJS.ProcessEnv = {}): Promise<number> {
  await using folder = await openFolder();
  const script = join(folder.path, "parent.mjs");
  const headless = pathToFileURL(join(findKernelMain(), "../headless.js")).href;
  await writeFile(
    script,
    `import { createHeadlessKernel } from ${JSON.stringify(headless)};
    const kernel = await createHeadlessKernel();
    kernel.execute(${JSON.stringify(code)}, { onOutput: () => process.send(kernel.pid) });`,
  );
  const parent = spawn(process.execPath, [script], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const pid = await new Promise<number>((resolve, reject) => {
    parent.once("message", (message) => resolve(message as number));
    parent.once("exit", () => reject(new Error("The parent ended before its kernel was up.")));
  });
  expect(isRunning(pid)).toBe(true);
  parent.kill("SIGKILL");
  return pid;
}

describe("a kernel whose parent is gone", () => {
  test("ends", async () => {
    const pid = await orphan(`setInterval(() => undefined, 1000); console.log("up")`);
    expect(await until(() => !isRunning(pid), 5_000)).toBe(true);
  });

  test("ends also when a cell keeps its thread busy", async () => {
    const pid = await orphan(`console.log("up"); for (;;) {}`);
    expect(await until(() => !isRunning(pid), 10_000)).toBe(true);
  });
});

describe("an interrupt", () => {
  /** Interrupts as a person does: again, when a signal met the moment in which a cell began to wait. */
  async function interrupt(kernel: HeadlessKernel, code: string) {
    let presses: NodeJS.Timeout | undefined;
    const press = () => void kernel.interrupt();
    const start = () => {
      presses ??= setInterval(press, 1_000);
    };
    try {
      return await kernel.execute(code, { onOutput: start });
    } finally {
      clearInterval(presses);
    }
  }

  test.runIf(posix)("stops a loop that never awaits", async () => {
    await using kernel = await openKernel();
    const interrupted = await interrupt(kernel, `console.log("on"); for (;;) {}`);
    expect(interrupted).toMatchObject({ status: "error", error: { ename: "Interrupted" } });
    expect((await kernel.execute("1")).text).toBe("1\n");
  });

  test("stops waiting for a promise", async () => {
    await using kernel = await openKernel();
    const code = `console.log("on"); await new Promise(() => undefined);`;
    const interrupted = await interrupt(kernel, code);
    expect(interrupted).toMatchObject({ status: "error", error: { ename: "Interrupted" } });
    expect((await kernel.execute("1")).text).toBe("1\n");
  });
});

describe("the client", () => {
  test("shows the words of a kernel that dies while it starts", async () => {
    const start = openKernel({
      command: [
        process.execPath,
        "-e",
        "console.error('no luck'); process.exit(3)",
        "{connection_file}",
      ],
    });
    await expect(start).rejects.toMatchObject({
      code: "KERNEL_FAILED",
      message: expect.stringMatching(/exit code 3[^]*no luck/u),
    });
  });

  test("says when the program of the kernel cannot be started", async () => {
    const start = openKernel({ command: [join(import.meta.dirname, "no-such-program")] });
    await expect(start).rejects.toMatchObject({
      code: "KERNEL_FAILED",
      message: expect.stringMatching(/ENOENT/u),
    });
  });

  test("ends a kernel that does not answer in time", async () => {
    await using folder = await openFolder();
    const mark = join(folder.path, "pid");
    const program = `require("fs").writeFileSync(${JSON.stringify(mark)}, String(process.pid)); setInterval(() => {}, 1000)`;
    const start = openKernel({
      command: [process.execPath, "-e", program, "{connection_file}"],
      startTimeoutMs: 700,
    });
    await expect(start).rejects.toMatchObject({
      code: "KERNEL_FAILED",
      message: expect.stringMatching(/did not answer within 700 ms/u),
    });
    expect(existsSync(mark)).toBe(true);
    expect(isRunning(Number(await readFile(mark, "utf8")))).toBe(false);
  });

  test("rejects a cell whose kernel ends, and every cell after", async () => {
    await using kernel = await openKernel();
    const dying = kernel.execute(`process.exit(7)`);
    await expect(dying).rejects.toMatchObject({
      code: "KERNEL_FAILED",
      message: expect.stringMatching(/exit code 7/u),
    });
    await expect(kernel.execute("1")).rejects.toMatchObject({ code: "KERNEL_FAILED" });
  });
});

test("nothing is left in the folder for temporary files, even by a parent that was killed", async () => {
  await using folder = await openFolder();
  const temporary = join(folder.path, "tmp");
  await mkdir(temporary);
  const pid = await orphan(`console.log("up")`, { TMPDIR: temporary, TEMP: temporary });
  expect(await until(() => !isRunning(pid), 10_000)).toBe(true);
  expect(await readdir(temporary)).toEqual([]);
});

test("a message with a wrong signature is not obeyed", async () => {
  const { createRequest, fromFrames, toFrames } = await import("../../kernels/tslab/protocol.js");
  const message = createRequest("execute_request", { code: "ü" }, "session");
  const frames = toFrames(message, "key").map((frame) => Buffer.from(frame));
  expect(fromFrames([Buffer.from("identity"), ...frames], "key")).toEqual(message);
  expect(fromFrames(frames, "other key")).toBeUndefined();
  expect(fromFrames(frames.slice(0, 4), "key")).toBeUndefined();
  frames[5] = Buffer.from(JSON.stringify({ code: "process.exit()" }));
  expect(fromFrames(frames, "key")).toBeUndefined();
});

test("a kernel waits for a port that another program has for a moment", async () => {
  await using folder = await openFolder();
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  // The port of the first socket is taken; the others are free ones of the system.
  const free = async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const found = (probe.address() as AddressInfo).port;
    await new Promise((resolve) => probe.close(resolve));
    return found;
  };
  const file = join(folder.path, "connection.json");
  const [shell, control, stdin, hb] = [await free(), await free(), await free(), await free()];
  await writeFile(
    file,
    JSON.stringify({
      transport: "tcp",
      ip: "127.0.0.1",
      key: "k",
      signature_scheme: "hmac-sha256",
      iopub_port: port,
      shell_port: shell,
      control_port: control,
      stdin_port: stdin,
      hb_port: hb,
    }),
  );
  const kernel = spawn(process.execPath, [findKernelMain(), file], { cwd: folder.path });
  const ended = once(kernel, "exit");
  let exited = false;
  void ended.then(() => (exited = true));
  try {
    await untilListening(hb);
    holder.close();
    await untilListening(port);
    expect(exited).toBe(false);
  } finally {
    holder.close();
    kernel.kill("SIGKILL");
    await ended;
  }
});

/** Tries for half a minute to connect. */
async function untilListening(port: number): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const listening = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "close").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (listening) return;
    if (Date.now() > deadline) throw new Error(`Nothing listens on ${port}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
