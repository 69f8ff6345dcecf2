import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionPlace } from "../../sdk/models/engine.js";
import { tfjs, type LiveTfjsModel, type TfjsModel } from "../../sdk/models/tfjs.js";
import { describeModelContract } from "../contracts/model.js";
import { makeFolder, makeLayersModel, writeGraphModel } from "./tfjs-fixture.js";

const live = await makeLayersModel();
const graph = writeGraphModel();
const broken = join(makeFolder(), "model.h5");
writeFileSync(broken, "\u0089HDF");

const forms: { source: string | LiveTfjsModel; places: readonly ExecutionPlace[] }[] = [
  // What is in the memory of a notebook computes there.
  { source: live, places: ["loop"] },
  { source: graph, places: ["loop", "worker"] },
];

for (const { source, places } of forms) {
  describeModelContract<TfjsModel>({
    kind: "tfjs",
    places,
    define: (options) => tfjs(source, options),
    defineMissing: (options) => ({
      definition: tfjs(`${graph}-gone`, options),
      file: `${graph}-gone`,
    }),
    defineInvalid: (options) => ({ definition: tfjs(broken, options), file: broken }),
    async use(model) {
      const answer = await model.predict([
        [1, 2],
        [3, 4],
      ]);
      return [answer.dims, Array.from(answer)];
    },
  });
}
