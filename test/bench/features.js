const MEASURES = [
  "radius",
  "texture",
  "perimeter",
  "area",
  "smoothness",
  "compactness",
  "concavity",
  "concave_points",
  "symmetry",
  "fractal_dimension",
];

/** The 30 columns of the small model. */
export const FEATURES = ["mean", "error", "worst"].flatMap((kind) =>
  MEASURES.map((measure) => `${kind}_${measure}`),
);
