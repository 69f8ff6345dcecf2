/**
 * Counts what is under way and tells when all of it has ended. It holds none of it: a `Set` that
 * fills and empties all the time replaces its table, each of which, once old, keeps what was in the
 * next from the collector of young objects.
 */
export class UnderWay {
  count = 0;
  #waiting: (() => void)[] = [];

  begin(): void {
    this.count++;
  }

  end(): void {
    this.count--;
    if (this.count > 0) return;
    for (const tell of this.#waiting.splice(0)) tell();
  }

  /** Resolves as soon as nothing is under way. */
  ended(): Promise<void> {
    if (this.count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
