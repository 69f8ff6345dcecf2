import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EkibenError } from "../../sdk/core/errors.js";
import { createFileInput, file, type FileOptions } from "../../sdk/inputs/file.js";
import type { Payload, RequestBody, StreamedBody } from "../../sdk/inputs/input.js";
import { parseMediaType } from "../../sdk/inputs/media-type.js";
import { createTempFiles, type TempFile, type TempFiles } from "../../sdk/inputs/temp-files.js";
import type { UploadedFile } from "../../sdk/inputs/uploaded-file.js";
import { describeInput } from "../contracts/input.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ekiben-test-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The files that are on disk. */
function found(): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}

function create(options: FileOptions = {}, files: TempFiles = createTempFiles(() => folder)) {
  return createFileInput({ maxMemoryBytes: 10, ...options }, files);
}

function body(text: string, contentType = "text/plain"): RequestBody {
  return { bytes: Buffer.from(text), ...parseMediaType(contentType) };
}

function streamed(
  chunks: AsyncIterable<Uint8Array> | readonly string[],
  contentType = "text/plain",
  headers: Record<string, string> = {},
): StreamedBody {
  return {
    chunks: Array.isArray(chunks) ? inChunks(chunks) : (chunks as AsyncIterable<Uint8Array>),
    ...parseMediaType(contentType),
    headers: new Headers(headers),
  };
}

async function* inChunks(texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function refusal(run: () => unknown): Promise<EkibenError> {
  try {
    await run();
  } catch (error) {
    return error as EkibenError;
  }
  throw new Error("It was accepted.");
}

async function contentOf(given: UploadedFile): Promise<string[]> {
  let read = "";
  for await (const chunk of given.stream()) read += Buffer.from(chunk as Uint8Array).toString();
  return [
    read,
    Buffer.from(await given.bytes()).toString(),
    await given.text(),
    await readFile(await given.path(), "utf8"),
  ];
}

describeInput("file", () => ({
  input: file({ mediaTypes: ["text/csv", "image/*"], maxBytes: 10_000 }),
  samples: [
    Buffer.from("a,b"),
    { bytes: Buffer.from("1,2,3"), name: "ü.csv" },
    { b64: "AAAA", name: 'a "b".csv' },
  ],
  itemsOf: (argument) => argument as unknown[],
  broken: [
    body("a", "text/html"),
    body("a".repeat(50), "multipart/form-data; boundary=b"),
    body("a", "multipart/form-data"),
  ],
}));

describeInput("file of any type", () => ({
  input: file(),
  samples: [new Uint8Array(), { b64: "AAAA", name: "a.bin" }],
  itemsOf: (argument) => argument as unknown[],
  broken: [body("a", "multipart/form-data")],
}));

test("a small file is in memory, a large one on disk until its request is over", async () => {
  for (const [texts, onDisk] of [
    [["0123", "456789"], 0],
    [["0123", "456789", "a", "bcdefghijklmn"], 1],
  ] as const) {
    const input = create();
    const payload = await input.parseStream!(streamed(texts));
    expect(found()).toHaveLength(onDisk);
    const given = input.toArgument(payload);
    const whole = texts.join("");
    expect({ ...given }).toEqual({ mediaType: "text/plain", size: whole.length });
    expect(await contentOf(given)).toEqual([whole, whole, whole, whole]);
    expect(await given.sha256()).toBe(createHash("sha256").update(whole).digest("hex"));
    expect(found()).toHaveLength(1);
    await payload.release!();
    expect(found()).toEqual([]);
    expect((await refusal(() => given.path())).message).toContain("handler had ended");
  }
});

test("a file on disk can be read by nobody else", async () => {
  const payload = await create().parseStream!(streamed(["x".repeat(20)]));
  const path = await create().toArgument(payload).path();
  if (process.platform !== "win32") expect((await stat(path)).mode & 0o777).toBe(0o600);
  await payload.release!();
});

test("what a handler does to the bytes that it got is not seen by the next", async () => {
  for (const text of ["small", "larger than memory"]) {
    const payload = await create().parseStream!(streamed([text]));
    const given = create().toArgument(payload);
    (await given.bytes()).fill(0);
    expect(await given.text()).toBe(text);
    await payload.release!();
  }
});

test.each([
  ['attachment; filename="../../etc/passwd"', "passwd"],
  ['attachment; filename="C:\\windows\\win.ini"', "win.ini"],
  ['attachment; filename=".."', undefined],
  ['attachment; filename="a\u0000b"', "ab"],
  ["attachment; filename*=UTF-8''..%2F%E6%97%A5", "日"],
])("the name in %s is data without a path", async (header, name) => {
  const headers = { get: (key: string) => (key === "content-disposition" ? header : null) };
  const payload = await create().parseStream!({ ...streamed(["x".repeat(99)]), headers });
  expect(create().toArgument(payload).name).toBe(name);
  expect(found()).toEqual(["1"]);
  await payload.release!();
});

test("text is read in the charset that the client named", async () => {
  for (const text of ["é", "é".repeat(20)]) {
    const bytes = Buffer.from(text, "latin1");
    const type = "text/plain; charset=latin1";
    const payload = await create().parseStream!(
      streamed(
        (async function* () {
          yield bytes;
        })(),
        type,
      ),
    );
    expect(await create().toArgument(payload).text()).toBe(text);
    await payload.release!();
  }
});

describe("nothing is left on disk", () => {
  const long = "x".repeat(50);

  test("when the client goes away", async () => {
    const gone = new Error("gone");
    let during = 0;
    async function* chunks(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(long);
      during = found().length;
      throw gone;
    }
    expect(await refusal(() => create().parseStream!(streamed(chunks())))).toBe(gone);
    expect([during, found()]).toEqual([1, []]);
  });

  test("when the file is too large", async () => {
    const input = create({ maxBytes: 60 });
    const error = await refusal(() => input.parseStream!(streamed([long, long])));
    expect([error.code, error.facts.expected, found()]).toEqual(["BODY_TOO_LARGE", 60, []]);
    expect((await refusal(() => input.parse(body(long + long)))).code).toBe("BODY_TOO_LARGE");
  });

  test("when a form is cut short or has a second part", async () => {
    const head = (name: string) =>
      `--b\r\nContent-Disposition: form-data; name="${name}"; filename="x"\r\n\r\n${long}\r\n`;
    const type = "multipart/form-data; boundary=b";
    for (const sent of [head("a"), `${head("a")}${head("b")}--b--`]) {
      for (const texts of [[sent], [...sent]]) {
        const error = await refusal(() => create().parseStream!(streamed(texts, type)));
        expect([error.code, found()]).toEqual(["BODY_MALFORMED", []]);
      }
    }
    const payload = await create().parseStream!(streamed([`${head("a")}--b--`], type));
    expect({ ...create().toArgument(payload) }).toEqual({
      name: "x",
      mediaType: "application/octet-stream",
      size: 50,
    });
    expect(found()).toHaveLength(1);
    await payload.release!();
    expect(found()).toEqual([]);
  });

  test.each(["create", "write", "close"] as const)(
    "when %s fails: no room is left",
    async (step) => {
      const real = createTempFiles(() => folder);
      const fault = Object.assign(new Error("no space"), { code: "ENOSPC" });
      const files: TempFiles = {
        async create() {
          if (step === "create") throw fault;
          const made = await real.create();
          const failing: Partial<TempFile> = { [step]: () => Promise.reject(fault) };
          return { ...made, ...failing };
        },
      };
      const error = await refusal(() => create({}, files).parseStream!(streamed([long, long])));
      expect([error.code, error.status]).toEqual(["BODY_NOT_STORED", 507]);
      expect(error.message).toContain("no room is left (ENOSPC)");
      expect(error.message).not.toContain(folder);
      expect(found()).toEqual([]);

      const small = create({}, files).parse(body("small")) as Payload;
      const late = await refusal(() => create().toArgument(small).path());
      expect([late.code, found()]).toEqual(["BODY_NOT_STORED", []]);
      await small.release!();
    },
  );

  test("when the folder was cleaned up meanwhile", async () => {
    const input = create();
    const first = await input.parseStream!(streamed([long]));
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    await first.release!();
    const second = await input.parseStream!(streamed([long]));
    expect(await input.toArgument(second).text()).toBe(long);
    await second.release!();
    expect(found()).toEqual([]);
  });

  test("by a process that was killed, a day later", async () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    const make = (name: string, hours: number): string => {
      const path = join(folder, name);
      mkdirSync(path);
      const time = Date.now() / 1000 - hours * 3600;
      utimesSync(path, time, time);
      return path;
    };
    const abandoned = make(`ekiben-files-${pid}-a`, 25);
    const kept = [
      make(`ekiben-files-${pid}-b`, 23),
      make(`ekiben-files-${process.pid}-c`, 25),
      make("others", 25),
    ];
    const payload = await create().parseStream!(streamed([long]));
    await vi.waitFor(() => expect(existsSync(abandoned)).toBe(false));
    expect(kept.map((path) => existsSync(path))).toEqual([true, true, true]);
    await payload.release!();
  });

  test.each(["process.exit(3)", "throw new Error('stop')"])(
    "when the process ends by %s",
    async (end) => {
      const program = `
      import { file } from ${JSON.stringify(new URL("../../dist/sdk/index.js", import.meta.url).href)};
      async function* chunks() { yield Buffer.alloc(20); }
      const input = file({ maxMemoryBytes: 4 });
      const payload = await input.parseStream({ mediaType: "", parameters: {}, chunks: chunks() });
      console.log(await input.toArgument(payload).path());
      ${end};`;
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ["--input-type=module", "-e", program],
        { env: { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder } },
      ).catch((error: { stdout: string }) => error);
      expect(stdout.trim().startsWith(folder)).toBe(true);
      expect(existsSync(stdout.trim())).toBe(false);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  test.skipIf(process.platform === "win32")("when the system refuses to write more", async () => {
    const program = `
      import { file } from ${JSON.stringify(new URL("../../dist/sdk/index.js", import.meta.url).href)};
      import { readdirSync } from "node:fs";
      async function* chunks() { for (let i = 0; i < 64; i++) yield Buffer.alloc(1 << 16); }
      const input = file({ maxMemoryBytes: 4 });
      const body = { mediaType: "", parameters: {}, chunks: chunks() };
      const error = await input.parseStream(body).catch((error) => error);
      const left = readdirSync(process.env.TMPDIR).flatMap((name) => readdirSync(process.env.TMPDIR + "/" + name));
      console.log(JSON.stringify([error.code, error.cause?.code, left]));`;
    const script = `ulimit -f 512; exec "$0" --input-type=module -e "$1"`;
    const { stdout } = await promisify(execFile)("sh", ["-c", script, process.execPath, program], {
      env: { ...process.env, TMPDIR: folder },
    });
    expect(JSON.parse(stdout)).toEqual(["BODY_NOT_STORED", "EFBIG", []]);
  });
});

test("a JSON value brings its bytes in base64", async () => {
  const input = create({ mediaTypes: ["text/plain", "image/*"] });
  const sent = { b64: "w6k=", name: "dir/a.txt", mediaType: "text/plain; charset=utf-8" };
  const payload = (await input.parseJson!(sent)) as Payload;
  const given = input.toArgument(payload);
  expect({ ...given }).toEqual({ name: "a.txt", mediaType: "text/plain", size: 2 });
  expect(await given.text()).toBe("é");
  for (const wrong of [null, "w6k=", {}, { b64: "w6k!" }, { b64: "a" }, { b64: "", name: 1 }]) {
    expect((await refusal(() => input.parseJson!(wrong))).code).toBe("INPUT_INVALID");
  }
  const html = { b64: "", mediaType: "text/html" };
  expect((await refusal(() => input.parseJson!(html))).code).toBe("MEDIA_TYPE_UNSUPPORTED");
});

test("media types are taken by name and by kind", async () => {
  const input = create({ mediaTypes: ["application/pdf", "image/*"] });
  for (const type of ["application/pdf", "image/png", "image/svg+xml; charset=utf-8"]) {
    const given = input.toArgument(input.parse(body("x", type)) as Payload);
    expect(given.mediaType).toBe(parseMediaType(type).mediaType);
  }
  for (const type of ["application/pdfx", "images/png", "multipart/mixed"]) {
    expect((await refusal(() => input.parse(body("x", type)))).code).toBe("MEDIA_TYPE_UNSUPPORTED");
  }
});

test.each([
  [{ mediaTypes: [] }, "empty"],
  [{ mediaTypes: ["pdf"] }, '"pdf"'],
  [{ maxMemoryBytes: -1 }, "maxMemoryBytes"],
  [{ maxBytes: Number.NaN }, "maxBytes"],
  [{ maxbytes: 1 }, '"maxBytes"'],
])("options such as %j are refused", async (options, message) => {
  const error = await refusal(() => file(options as FileOptions));
  expect(error.code).toBe("SERVICE_INVALID");
  expect(error.message).toContain(message);
});
