import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import type { LoadedModel } from "../../sdk/models/model.js";
import { blobPath } from "../../sdk/bundle/blobs.js";
import { models, type AnyStoredModel } from "../../sdk/store/models.js";
import { openModelStore } from "../../sdk/store/model-store.js";
import { describeModelContract } from "../contracts/model.js";
import { FIXTURES } from "../models/fixture.js";
import { makeLayersModel } from "../models/tfjs-fixture.js";

const home = mkdtempSync(join(tmpdir(), "ekiben-store-"));
const before = process.env["EKIBEN_HOME"];
process.env["EKIBEN_HOME"] = home;
afterAll(() => {
  if (before === undefined) delete process.env["EKIBEN_HOME"];
  else process.env["EKIBEN_HOME"] = before;
  rmSync(home, { recursive: true, force: true, maxRetries: 3 });
});

const ROWS = {
  xgboost: [Array.from({ length: 13 }, (_, i) => i)],
  lightgbm: [[5.1, 3.5, 1.4, 0.2]],
  onnx: [[5.1, 3.5, 1.4, 0.2]],
  tfjs: [[0.1, 0.2]],
};

beforeAll(async () => {
  const put = (file: string, name: string) => models.import(join(FIXTURES, file), { name });
  await put("xgb3-wine-softprob/model.json", "xgboost");
  await put("lgb-iris-multiclass/model.txt", "lightgbm");
  await put("skl-iris-logreg-nozipmap/model.onnx", "onnx");
  await models.save("tfjs", await makeLayersModel());
  for (const kind of Object.keys(ROWS)) {
    // A version that is damaged once it is stored.
    const content = { kind, entry: "model", files: [{ source: makeJunk(kind), path: "model" }] };
    const added = await openModelStore().add(content, { name: "damaged", version: kind });
    const blob = blobPath(home, added.record.files[0]!.sha256);
    chmodSync(blob, 0o644);
    writeFileSync(blob, "damaged");
    damagedBlobs.set(kind, blob);
  }
});

const damagedBlobs = new Map<string, string>();

function makeJunk(kind: string): string {
  const file = join(home, `junk-${kind}`);
  writeFileSync(file, `junk of ${kind}`);
  return file;
}

for (const [kind, rows] of Object.entries(ROWS)) {
  const toOptions = (model = {}) => ({ kind, model }) as { kind: "xgboost" };
  const options = toOptions();
  describeModelContract<AnyStoredModel & LoadedModel>({
    kind,
    codes: { missing: "MODEL_NOT_FOUND", invalid: "MODEL_CORRUPT" },
    define: (model) => models.get(`${kind}:latest`, toOptions(model)) as never,
    defineMissing: () => ({ definition: models.get(`${kind}:9`, options) as never, file: kind }),
    defineInvalid: () => ({
      definition: models.get(`damaged:${kind}`, options) as never,
      file: damagedBlobs.get(kind)!,
    }),
    async use(model) {
      const answer = await model.predict(rows);
      return [answer.dims, Array.from(answer)];
    },
  });
}
