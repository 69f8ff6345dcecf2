import { z } from "zod";
import type { Client } from "../../sdk/client/client.js";
import { connectClient } from "../../sdk/client/create-client.js";
import { platformClock, type WaitingClock } from "../../sdk/client/deadline.js";
import type { ClientOptions } from "../../sdk/client/client.js";
import { defineService } from "../../sdk/notebook/define-service.js";
import type { Service } from "../../sdk/service/infer.js";
import { build, listen, type Serving } from "../http/serving.js";

export { defineService, z };

export interface Served<S> extends Serving {
  readonly client: Client<S>;
  /** The requests that the service got, as `POST /path`. */
  readonly requests: string[];
}

/** A service on a real socket, and its client. */
export async function serve<S extends Service>(
  service: S,
  options: ClientOptions = {},
): Promise<Served<S>> {
  const { app } = await build(service.definition);
  const serving = await listen(app);
  const requests: string[] = [];
  const client = connectClient(serving.url, options, {
    clock: platformClock,
    random: () => 0,
    fetch(url, init) {
      requests.push(`${init.method} ${new URL(url).pathname}${new URL(url).search}`);
      return fetch(url, init);
    },
  }) as Client<S>;
  return { ...serving, client, requests };
}

/** A client whose time and chance a test holds. */
export function connect(
  url: string,
  options: ClientOptions = {},
  effects: { clock?: WaitingClock; random?: () => number } = {},
): Record<string, (...sent: any[]) => any> {
  const { clock = platformClock, random = () => 0 } = effects;
  return connectClient(url, options, {
    clock,
    random,
    fetch: options.fetch ?? ((address, init) => fetch(address, init)),
  }) as Record<string, (...sent: any[]) => any>;
}
