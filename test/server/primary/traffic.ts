import { Agent, request } from "node:http";

/** What became of the requests of a load. */
export interface Traffic {
  readonly answered: number;
  /** Answers by the process that gave them. */
  readonly pids: ReadonlyMap<number, number>;
  /** Each request without a right answer: a status, or the error of its connection. */
  readonly lost: readonly string[];
  /** Connections that were refused: nobody accepted them. */
  readonly refused: number;
  /** Resolves when the clients have ended; a client ends when its connection is refused. */
  stop(): Promise<void>;
}

export interface TrafficOptions {
  clients?: number;
  waitMs?: number;
  keepAlive?: boolean;
}

/** Clients that ask `/echo` one request after the other, until they are stopped. */
export function startTraffic(url: string, options: TrafficOptions = {}): Traffic {
  const { clients = 16, waitMs = 5, keepAlive = true } = options;
  const agent = new Agent({ keepAlive, maxSockets: clients });
  const pids = new Map<number, number>();
  const lost: string[] = [];
  let answered = 0;
  let refused = 0;
  let running = true;

  const ended = Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let count = 0; running; count++) {
        const x = client * 1e6 + count;
        const answer = await echo(url, { x, waitMs }, agent);
        if (answer === "ECONNREFUSED") {
          refused++;
          return;
        }
        if (typeof answer === "string") lost.push(answer);
        else if (answer.x !== x) lost.push(`asked ${x}, answered ${answer.x}`);
        else {
          answered++;
          pids.set(answer.pid, (pids.get(answer.pid) ?? 0) + 1);
        }
      }
    }),
  );
  return {
    get answered() {
      return answered;
    },
    get refused() {
      return refused;
    },
    pids,
    lost,
    async stop() {
      running = false;
      await ended;
      agent.destroy();
    },
  };
}

/** One request; text is what went wrong. */
export function echo(
  url: string,
  body: { x: number; waitMs?: number },
  agent = new Agent(),
): Promise<{ x: number; pid: number } | string> {
  return send(`${url}/echo`, body, agent).then(({ status, text }) =>
    status === 200 ? (JSON.parse(text) as { x: number; pid: number }) : text,
  );
}

/** The status and the text of an answer; status 0 with the code of an error. */
export function send(
  url: string,
  body?: unknown,
  agent?: Agent,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const sent = request(
      url,
      {
        method: body === undefined ? "GET" : "POST",
        ...(agent === undefined ? { agent: false } : { agent }),
        headers: { "content-type": "application/json" },
      },
      (reply) => {
        let text = "";
        reply.setEncoding("utf8").on("data", (part: string) => (text += part));
        reply.on("end", () => resolve({ status: reply.statusCode!, text }));
        reply.on("error", (error: NodeJS.ErrnoException) =>
          resolve({ status: 0, text: error.code ?? error.message }),
        );
      },
    );
    sent.on("error", (error: NodeJS.ErrnoException) =>
      resolve({ status: 0, text: error.code ?? error.message }),
    );
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Waits until something holds, with a generous limit. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
