import { adminSection } from "./admin-section.js";
import { limitsSection } from "./limits-section.js";
import { logsSection } from "./logs-section.js";
import { metricsSection } from "./metrics-section.js";
import { serverSection } from "./server-section.js";
import type { Setting } from "./setting.js";
import { tracingSection } from "./tracing-section.js";
import { tlsSection } from "./tls-section.js";

/**
 * Everything that can be set where a bundle is served. A name is its path in a configuration file.
 * The options of `ekiben serve`, its variables, the file, the log line at the start, `/metadata`
 * and the table of the documentation all come from here.
 */
export const SETTINGS = {
  ...serverSection,
  ...tlsSection,
  ...adminSection,
  ...limitsSection,
  ...logsSection,
  ...metricsSection,
  ...tracingSection,
};

export type SettingName = keyof typeof SETTINGS;

/** The section of a setting, by the first word of its name, as a heading says it. */
export const SECTIONS: Readonly<Record<string, string>> = {
  server: "Server",
  tls: "TLS",
  admin: "Management port",
  limits: "Limits",
  logs: "Logs",
  metrics: "Metrics",
  tracing: "Traces",
};

/** The value of every setting by its name; plain data that may cross a process boundary. */
export type Settings = {
  readonly [Name in SettingName]: (typeof SETTINGS)[Name] extends Setting<infer T> ? T : never;
};

/** Whoever walks over all settings knows nothing of their types. */
export const ALL_SETTINGS = Object.entries(SETTINGS) as unknown as readonly (readonly [
  SettingName,
  Setting<unknown>,
])[];

/** The variable that names a configuration file where no option does. */
export const CONFIG_VARIABLE = "EKIBEN_CONFIG";
