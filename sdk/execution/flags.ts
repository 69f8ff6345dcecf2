/**
 * What both sides of a thread see at once, besides their messages: whether it is inside of an
 * engine, and whether the process is about to end. onnxruntime aborts a process that ends while one
 * of its threads computes, so whoever ends it waits for BUSY to fall, and a thread that sees ENDING
 * begins nothing more.
 */
const BUSY = 0;
const ENDING = 1;

export function createFlags(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** On the side of the thread: answers whether it may begin. */
export function begin(flags: Int32Array): boolean {
  Atomics.store(flags, BUSY, 1);
  // Either this is seen by who waits, or ENDING is seen here.
  if (Atomics.load(flags, ENDING) === 0) return true;
  end(flags);
  return false;
}

export function end(flags: Int32Array): void {
  Atomics.store(flags, BUSY, 0);
  Atomics.notify(flags, BUSY);
}

/** Waits, blocking, for a thread to be outside of its engine, and answers whether it is. */
export function waitForEnd(flags: Int32Array, ms: number): boolean {
  Atomics.store(flags, ENDING, 1);
  const limit = performance.now() + ms;
  while (Atomics.load(flags, BUSY) === 1) {
    const left = limit - performance.now();
    if (left <= 0) return false;
    Atomics.wait(flags, BUSY, 1, left);
  }
  return true;
}
