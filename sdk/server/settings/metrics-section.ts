import { wholeNumber } from "./kinds.js";
import { setting } from "./setting.js";

/** How many series the metrics of the author may have. */
export const metricsSection = {
  "metrics.maxLabelValues": setting({
    kind: wholeNumber("count", 1, 100_000),
    default: 100,
    env: "EKIBEN_METRICS_MAX_LABEL_VALUES",
    help: "most values of a label of the service's own metrics; more are counted as other",
  }),
  "metrics.maxSeries": setting({
    kind: wholeNumber("count", 1, 1_000_000),
    default: 1000,
    env: "EKIBEN_METRICS_MAX_SERIES",
    help: "most combinations of labels of one such metric",
  }),
};
