import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { churn, serve } from "./protocol-serving.js";

/** A client that nobody here wrote the numbers of: it packs and unpacks with numpy and struct. */
const CLIENT = `
import json, struct, sys, urllib.request
import numpy as np

url = sys.argv[1]
tenure = np.array([4, np.nan, 8], dtype=np.float64)
plan = [b"pro", b"basic", b"pro"]
packed = b"".join(struct.pack("<I", len(text)) + text for text in plan)
header = json.dumps({
    "id": "np",
    "inputs": [
        {"name": "tenure", "shape": [3, 1], "datatype": "FP64",
         "parameters": {"binary_data_size": tenure.nbytes}},
        {"name": "plan", "shape": [3, 1], "datatype": "BYTES",
         "parameters": {"binary_data_size": len(packed)}},
    ],
    "parameters": {"binary_data_output": True},
}).encode()
request = urllib.request.Request(
    url + "/v2/models/churn/infer",
    data=header + tenure.tobytes() + packed,
    headers={"Content-Type": "application/octet-stream",
             "Inference-Header-Content-Length": str(len(header))})
with urllib.request.urlopen(request) as response:
    body = response.read()
    length = int(response.headers["Inference-Header-Content-Length"])
answer = json.loads(body[:length])
at = length
found = {"id": answer["id"]}
for output in answer["outputs"]:
    size = output["parameters"]["binary_data_size"]
    data, at = body[at:at + size], at + size
    if output["datatype"] == "BYTES":
        texts = []
        while data:
            (count,) = struct.unpack_from("<I", data)
            texts.append(data[4:4 + count].decode())
            data = data[4 + count:]
        found[output["name"]] = texts
    else:
        assert output["datatype"] == "FP64"
        found[output["name"]] = np.frombuffer(data, np.float64).reshape(output["shape"]).tolist()
assert at == len(body)

plain = json.dumps({"inputs": [
    {"name": "tenure", "shape": [2], "datatype": "FP64", "data": np.array([1, 2.0]).tolist()},
    {"name": "plan", "shape": [2], "datatype": "BYTES", "data": ["pro", "basic"]}]}).encode()
request = urllib.request.Request(url + "/v2/models/churn/infer", data=plain,
                                 headers={"Content-Type": "application/json"})
with urllib.request.urlopen(request) as response:
    output = json.loads(response.read())["outputs"][0]
found["json"] = np.array(output["data"], dtype=np.float64).reshape(output["shape"]).tolist()
print(json.dumps(found))
`;

function hasNumpy(): boolean {
  try {
    execFileSync("python3", ["-c", "import numpy"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test.skipIf(!hasNumpy())("numpy packs a request and unpacks its answer", async () => {
  await using served = await serve(churn());
  const { stdout } = await promisify(execFile)("python3", ["-c", CLIENT, served.url], {
    // A proxy of the environment must not get requests to this machine.
    env: { ...process.env, no_proxy: "127.0.0.1", NO_PROXY: "127.0.0.1" },
    timeout: 60_000,
  });
  expect(JSON.parse(stdout)).toEqual({
    id: "np",
    churn: [0.5, 1.25, 1],
    label: ["stays", "goes", "stays"],
    json: [0.125, 0.25],
  });
});
