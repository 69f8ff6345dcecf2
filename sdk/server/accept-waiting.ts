/** Turns the event loop once: what has connected already is accepted and not reset. */
export async function acceptWaiting(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}
