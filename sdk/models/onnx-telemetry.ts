/**
 * Without this onnxruntime keeps a database of its use in the home of the user and sends it away,
 * which nobody who serves predictions has asked for. It reads the environment of the process when
 * it loads, and only the main thread can set that.
 */
export function declineTelemetry(): void {
  process.env["ORT_DISABLE_TELEMETRY"] ??= "1";
}
