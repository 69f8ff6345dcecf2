import { startKernel } from "./kernel.js";

const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
// Cells are CommonJS and ekiben is an ES module: that this works is the point, and not a warning.
process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
  const text = typeof warning === "string" ? warning : warning.message;
  if (/ES Module/u.test(text) && /require\(\)/u.test(text)) return;
  emitWarning(warning, ...rest);
};

const [connectionFile] = process.argv.slice(2);
if (connectionFile === undefined) {
  process.stderr.write("Jupyter starts this program: node main.js <connection file>\n");
  process.exitCode = 2;
} else {
  startKernel(connectionFile, process.cwd()).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });
}
