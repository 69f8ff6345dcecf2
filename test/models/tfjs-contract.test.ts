import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tfjs, type TfjsModel } from "../../sdk/models/tfjs.js";
import { describeModelContract } from "../contracts/model.js";
import { makeFolder, makeLayersModel, writeGraphModel } from "./tfjs-fixture.js";

const live = await makeLayersModel();
const graph = writeGraphModel();
const broken = join(makeFolder(), "model.h5");
writeFileSync(broken, "\u0089HDF");

const forms: Record<string, () => ReturnType<typeof tfjs>> = {
  "in memory": () => tfjs(live),
  "in a folder": () => tfjs(graph),
};

for (const define of Object.values(forms)) {
  describeModelContract<TfjsModel>({
    kind: "tfjs",
    define,
    defineMissing: () => ({ definition: tfjs(`${graph}-gone`), file: `${graph}-gone` }),
    defineInvalid: () => ({ definition: tfjs(broken), file: broken }),
    async use(model) {
      const answer = await model.predict([
        [1, 2],
        [3, 4],
      ]);
      return [answer.dims, Array.from(answer)];
    },
  });
}
