/**
 * Why a file is no LightGBM model that can be served. What reads the text does not know the path:
 * who opened the file makes an error of the catalogue of it.
 */
export class LightgbmFault extends Error {
  readonly hint: string | undefined;

  /** `message` goes on after the name of the file and a colon, and has no full stop. */
  constructor(message: string, hint?: string) {
    super(message);
    this.name = "LightgbmFault";
    this.hint = hint;
  }
}

export const SAVE_AGAIN =
  'Write it again in Python: booster.save_model("model.txt"), or model.booster_.save_model("model.txt") for LGBMClassifier, LGBMRegressor and LGBMRanker.';

/** The fault of a file that ends too early. */
export function toCutFault(where: string): LightgbmFault {
  return new LightgbmFault(
    `it ends ${where}: it was not written or copied to its end`,
    `Copy it again. ${SAVE_AGAIN}`,
  );
}
