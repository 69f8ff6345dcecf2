import { BEAT_MS, type Beat } from "../messages.js";

/**
 * Tells at each beat how late the event loop was at most since the last one. A loop that is held up
 * does not beat at all, which is what the primary looks for.
 */
export function startHeartbeat(openConnections: () => number, tell: (beat: Beat) => void): void {
  let due = performance.now() + BEAT_MS;
  setInterval(() => {
    const now = performance.now();
    const lagMs = Math.max(0, Math.round(now - due));
    due = now + BEAT_MS;
    tell({ open: openConnections(), lagMs, rssBytes: process.memoryUsage.rss() });
  }, BEAT_MS).unref();
}
