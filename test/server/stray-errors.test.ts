import { describe, expect, it } from "vitest";
import { makeHome, post } from "../cli/run-cli.js";

describe("errors that no request waits for", () => {
  it("are logged with their place when they are rejections, and the server goes on", async () => {
    await using home = await makeHome();
    const tag = await home.build("stray.ts");
    const server = await home.serve([tag, "--port", "0"]);
    for (let round = 0; round < 3; round++) {
      expect((await post(`${server.url}/reject`, {})).body).toBe("answered");
    }
    expect(await server.stop()).toBe(0);
    const lines = server
      .output()
      .split("\n")
      .filter((line) => line.includes("forgotten promise"));
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      "log.level": "error",
      "error.stack_trace": expect.stringContaining("stray.ts:"),
    });
  });

  it("end the server with 1 when they are exceptions, once it has answered what it accepted", async () => {
    await using home = await makeHome();
    const tag = await home.build("stray.ts");
    const server = await home.serve([tag, "--port", "0"]);
    const slow = post(`${server.url}/slow`, {});
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await post(`${server.url}/throw`, {})).body).toBe("answered");
    expect((await slow).body).toBe("slow answer");
    expect(await server.exited).toBe(1);
    expect(server.output()).toContain("thrown from a timer");
    expect(server.output()).toContain("draining");
  });
});
