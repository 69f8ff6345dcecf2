/** A service that is no more than its handlers: what slicing needs of one to compare answers. */
export class Service {
  readonly handlers: Readonly<Record<string, (input: any, context: Context) => unknown>>;
  readonly definitions: Readonly<Record<string, unknown>>;

  constructor(handlers: Service["handlers"], definitions: Service["definitions"]) {
    this.handlers = handlers;
    this.definitions = definitions;
  }

  models(definitions: Record<string, unknown>): Service {
    return new Service(this.handlers, { ...this.definitions, ...definitions });
  }

  named(_name: string): Service {
    return this;
  }

  api(name: string, { input, handler }: Api): Service {
    const checked = (raw: unknown, context: Context) => handler(input?.parse(raw) ?? raw, context);
    return new Service({ ...this.handlers, [name]: checked }, this.definitions);
  }

  async ask(name: string, input: unknown): Promise<unknown> {
    const handler = this.handlers[name];
    if (handler === undefined) throw new Error(`no api ${name}`);
    return handler(input, { models: this.definitions });
  }
}

interface Context {
  models: Readonly<Record<string, any>>;
}

interface Api {
  input?: { parse(raw: unknown): unknown };
  handler: (input: any, context: Context) => unknown;
}

export function defineService(_options: { name: string }): Service {
  return new Service({}, {});
}
