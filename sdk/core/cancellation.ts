/** A function, or an object with one, which spares a closure where there are many. */
type Listener =
  | ((event: { readonly target: unknown }) => void)
  | { handleEvent(event: { readonly target: unknown }): void };

/** What an `AbortSignal` and a `Cancellation` have in common: enough to wait with. */
export interface Cancellable {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: Listener): void;
  removeEventListener(type: "abort", listener: Listener): void;
}

/**
 * Tells that nobody waits for a request any more. Every request has one, and few are ever asked, so
 * it costs one object where an `AbortController` costs several microseconds; an `AbortSignal` is
 * made of it when it is asked for.
 */
export class Cancellation implements Cancellable {
  aborted = false;
  reason: unknown = undefined;
  // Hardly any has more than one listener at a time.
  #listener: Listener | undefined;
  #more: Listener[] | undefined;
  #controller: AbortController | undefined;

  /** A cancellation that follows a signal. */
  static from(signal: AbortSignal): Cancellation {
    const made = new Cancellation();
    if (signal.aborted) made.abort(signal.reason);
    else signal.addEventListener("abort", () => made.abort(signal.reason), { once: true });
    return made;
  }

  /** Tells every listener once; a second call does nothing. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    this.#controller?.abort(reason);
    const listeners = [this.#listener, ...(this.#more ?? [])];
    this.#listener = undefined;
    this.#more = undefined;
    const event = { target: this };
    for (const listener of listeners) {
      if (typeof listener === "function") listener(event);
      else listener?.handleEvent(event);
    }
  }

  /** For what knows only the signals of the platform, such as `fetch`. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  addEventListener(_type: "abort", listener: Listener): void {
    if (this.aborted) return;
    if (this.#listener === undefined) this.#listener = listener;
    else (this.#more ??= []).push(listener);
  }

  removeEventListener(_type: "abort", listener: Listener): void {
    if (this.#listener === listener) {
      this.#listener = undefined;
      return;
    }
    const index = this.#more?.indexOf(listener) ?? -1;
    if (index !== -1) this.#more!.splice(index, 1);
  }
}

/** What the work answers, or why nobody waits for it any more, whichever is first. */
export function unlessAborted<T>(work: Promise<T>, cancellation: Cancellation): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancellation.reason);
    if (cancellation.aborted) onAbort();
    else cancellation.addEventListener("abort", onAbort);
    work.then(
      (answer) => {
        cancellation.removeEventListener("abort", onAbort);
        resolve(answer);
      },
      (error: unknown) => {
        cancellation.removeEventListener("abort", onAbort);
        reject(error);
      },
    );
  });
}
