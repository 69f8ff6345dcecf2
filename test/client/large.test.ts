import { expect, test } from "vitest";
import { file } from "../../sdk/inputs/file.js";
import { json } from "../../sdk/inputs/json.js";
import { defineService, serve, z } from "./serving.js";

test("what the service refuses while it is still being sent is its refusal", async () => {
  const service = defineService({ name: "small" })
    .api("run", { input: json(z.string()), maxBodyBytes: 1000, handler: (x) => x.length })
    .api("send", { input: file(), maxBodyBytes: 1000, handler: (x) => x.size });
  await using served = await serve(service);
  for (let at = 0; at < 5; at++) {
    const refused = { code: "BODY_TOO_LARGE", status: 413, attempts: 1 };
    await expect(served.client.run("x".repeat(30_000_000))).rejects.toMatchObject(refused);
    await expect(served.client.send(new Uint8Array(30_000_000))).rejects.toMatchObject(refused);
  }
});
