import { join } from "node:path";
import { xgboost, type XGBoostModel } from "../../sdk/models/xgboost.js";
import { describeModelContract } from "../contracts/model.js";
import { FIXTURES } from "./fixture.js";
import { loadXGBoostFixture, toCategories } from "./xgboost-fixture.js";

for (const id of ["xgb-wine-softprob", "xgb-churn-categorical", "xgb-gblinear-softprob"]) {
  const fixture = loadXGBoostFixture(id);
  const file = fixture.files[0]!;
  const options = { categories: toCategories(fixture) };
  describeModelContract<XGBoostModel>({
    kind: "xgboost",
    define: (where) => xgboost(file, { ...options, ...where }),
    defineMissing: (where) => ({
      definition: xgboost(`${file}.gone`, where),
      file: `${file}.gone`,
    }),
    defineInvalid(where) {
      const invalid = join(FIXTURES, "broken/xgb-truncated.json");
      return { definition: xgboost(invalid, where), file: invalid };
    },
    async use(model) {
      const rows = fixture.records.slice(0, 5);
      const answers = await Promise.all([model.predict(rows), model.margin(rows)]);
      return answers.map((answer) => [...answer]);
    },
  });
}
