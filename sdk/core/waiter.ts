/**
 * Whoever waits for a result: one of both is called, once, and neither throws. For what happens with
 * each request, where a promise and those that follow from it show in its time.
 */
export interface Waiter<Result> {
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/** A promise of what a waiter would get. */
export function promiseOf<Result>(ask: (waiter: Waiter<Result>) => void): Promise<Result> {
  return new Promise((resolve, reject) => ask({ resolve, reject }));
}
