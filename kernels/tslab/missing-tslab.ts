import { EkibenError } from "ekiben";

export function toMissingTslab(): EkibenError {
  return new EkibenError("DEPENDENCY_MISSING", {
    detail: "The kernel needs tslab 1.0.22 or a later 1.x, and it is not installed.",
    hint: "Run `npm install tslab` in the folder of the notebook.",
  });
}
