import { execFile } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import every from "../../examples/every-input/service.js";
import { toCurl } from "../../sdk/http/docs-curl.js";
import { apiKey } from "../../sdk/http/guards/api-key.js";
import { bearerAuth } from "../../sdk/http/guards/bearer-auth.js";
import { file } from "../../sdk/inputs/file.js";
import { form } from "../../sdk/inputs/form.js";
import { json } from "../../sdk/inputs/json.js";
import { text } from "../../sdk/inputs/text.js";
import type { ServiceDefinition } from "../../sdk/service/definition.js";
import { api, build, listen, service, type Serving } from "./serving.js";

const run = promisify(execFile);
const isMissing = !["/bin/sh", "/usr/bin/curl"].every((path) => existsSync(path));
const { apis } = every.definition as ServiceDefinition;
const PHOTO = fileURLToPath(new URL("../../examples/every-input/photo.png", import.meta.url));

describe("a command for each kind of input", () => {
  const commandOf = (name: string): string => toCurl(apis[name]!, "http://h");

  test("sends bytes from a file, and puts bytes into one", () => {
    expect(commandOf("negative")).toBe(
      [
        "curl http://h/v1/negative \\",
        "  -o answer.png \\",
        "  -H 'Content-Type: image/png' \\",
        "  --data-binary @image.png",
      ].join("\n"),
    );
  });

  test("fills in parameters, and waits for no more of a stream than is there", () => {
    expect(commandOf("forecast")).toBe("curl 'http://h/v1/shops/tokyo/forecast?months=2&unit=yen'");
    expect(commandOf("countdown")).toBe("curl 'http://h/v1/countdown?from=3' \\\n  -N");
  });

  test("names the files of a form, also without an example", () => {
    const parts = form({ photo: file(), meta: json(z.object({ top: z.int() })), note: text() });
    expect(toCurl(api({ input: parts, example: undefined }), "http://h").split(" \\\n  ")).toEqual([
      "curl http://h/v1/add",
      "-F 'photo=@photo.bin;type=application/octet-stream'",
      `-F 'meta={"top":0};type=application/json'`,
      "--form-string note=text",
    ]);
  });

  test("has a place for what a guard asks for", () => {
    const guards = [apiKey({ keys: ["k-1234567890"] }), bearerAuth({ tokens: ["t-1234567890"] })];
    const command = toCurl(apis["countdown"]!, "http://h", guards);
    expect(command).toContain("-H 'X-API-Key: YOUR_KEY'");
    expect(command).toContain("-H 'Authorization: Bearer YOUR_TOKEN'");
    expect(command).not.toMatch(/1234567890/);
  });

  test("sends a long body from a file", () => {
    const long = toCurl(api({ input: text(), example: "a".repeat(5000) }), "http://h");
    expect(long).toContain("--data-binary @request.txt");
    expect(long.length).toBeLessThan(200);
  });
});

describe.skipIf(isMissing)("a command as a shell runs it (needs /usr/bin/curl)", () => {
  const folder = mkdtempSync(join(tmpdir(), "ekiben-curl-"));
  let served: Serving;

  beforeAll(async () => {
    served = await listen(every.app);
    copyFileSync(PHOTO, join(folder, "image.png"));
    copyFileSync(PHOTO, join(folder, "photo.png"));
    writeFileSync(join(folder, "note.txt"), "a note\n");
  });
  afterAll(async () => {
    await served[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  async function execute(command: string): Promise<string> {
    const script = command.replace(/^curl /, "curl --silent --show-error --fail-with-body ");
    const { stdout } = await run("/bin/sh", ["-c", script], { cwd: folder });
    return stdout;
  }

  test.each(Object.keys(apis))("%s is answered", async (name) => {
    await execute(toCurl(apis[name]!, served.url));
  });

  test("the answers are those of the example", async () => {
    const predicted = await execute(toCurl(apis["predict"]!, served.url));
    expect(JSON.parse(predicted)).toHaveLength(2);
    await execute(toCurl(apis["pack"]!, served.url));
    expect(gunzipSync(readFileSync(join(folder, "answer.gz"))).toString()).toBe("a note\n");
    const caption = await execute(toCurl(apis["caption"]!, served.url));
    expect(JSON.parse(caption)).toMatchObject({ caption: "a picture of 120 by: taken today" });
  });

  test("every text arrives as it was written", async () => {
    const words = [
      "@note.txt",
      "<note.txt",
      `it's "so"; a\\b, c`,
      "two\nlines ",
      "$HOME `id`",
      "日本",
    ];
    const Echo = json(z.object({ said: z.string() }));
    const echo = api({
      route: "echo",
      input: form({ meta: Echo, note: text() }),
      output: z.unknown(),
      handler: ((sent: unknown) => sent) as never,
    });
    const say = api({
      name: "say",
      route: "say",
      input: text(),
      handler: ((said: string) => said) as never,
    });
    await using own = await listen(
      (await build(service([echo, { ...say, output: api({ output: undefined }).output }]))).app,
    );
    for (const said of words) {
      const example = { meta: { said }, note: said };
      const answer = await execute(toCurl({ ...echo, example }, own.url));
      expect(JSON.parse(answer)).toEqual(example);
      const spoken = await execute(toCurl({ ...say, example: said }, own.url));
      expect(JSON.parse(spoken)).toBe(said);
    }
  });
});
