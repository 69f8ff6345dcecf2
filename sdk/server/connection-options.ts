import type { AppServerOptions } from "./app-server.js";
import type { Settings } from "./settings/table.js";
import { readTls } from "./tls.js";

/** What the settings say of connections; files of TLS are read now. @throws SETTING_INVALID */
export async function toConnectionOptions(settings: Settings): Promise<AppServerOptions> {
  const tls = await readTls(settings);
  const trustProxy = settings["server.trustProxy"];
  return {
    ...(tls === undefined ? {} : { tls }),
    ...(trustProxy === undefined ? {} : { trustProxy }),
  };
}
