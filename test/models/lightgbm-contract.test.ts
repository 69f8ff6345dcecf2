import { readFileSync } from "node:fs";
import { join } from "node:path";
import { lightgbm, type LightgbmModel } from "../../sdk/models/lightgbm.js";
import { describeModelContract } from "../contracts/model.js";
import { FIXTURES, type FixtureRecord } from "./fixture.js";

for (const id of ["lgb-churn-categorical", "lgb-iris-multiclass"]) {
  const file = join(FIXTURES, id, "model.txt");
  const records = JSON.parse(
    readFileSync(join(FIXTURES, id, "inputs.json"), "utf8"),
  ) as FixtureRecord[];
  describeModelContract<LightgbmModel>({
    kind: "lightgbm",
    define: (where) => lightgbm(file, where),
    defineMissing: (where) => ({
      definition: lightgbm(`${file}.gone`, where),
      file: `${file}.gone`,
    }),
    defineInvalid(where) {
      const invalid = join(FIXTURES, "broken/sklearn.pkl");
      return { definition: lightgbm(invalid, where), file: invalid };
    },
    async use(model) {
      const x = records.slice(0, 3);
      const answers = await Promise.all([model.predict(x), model.margin(x), model.leaves(x)]);
      return answers.map((answer) => [answer.dims, Array.from(answer)]);
    },
  });
}
