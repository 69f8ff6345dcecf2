/** The entry of a worker process; only a primary starts it. */
import { runWorker } from "./run-worker.js";

runWorker(process);
