/** How a worker ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it wrote on standard error. */
  readonly errors: string;
  /** Why the primary ended it, when it did. */
  readonly ended?: string;
}

/** What an operator wants to read of the end of a worker. */
export function explainExit({ code, signal, errors, ended }: Exit): string {
  if (ended !== undefined) return `was ended by the primary: ${ended}`;
  // V8 says so on standard error, then aborts: a signal on POSIX, exit code 134 elsewhere.
  if (/heap out of memory|Reached heap limit/.test(errors)) {
    return "ran out of memory in the heap of V8; --worker-memory sets the limit";
  }
  switch (signal ?? code) {
    case "SIGKILL":
      return "was killed with SIGKILL, by somebody or by the kernel for want of memory";
    case "SIGABRT":
    case 134:
      return `aborted${lastLine(errors)}`;
    case "SIGSEGV":
    case "SIGBUS":
    case "SIGILL":
      return `crashed in native code with ${signal}`;
    case 0:
      return "ended by itself with exit code 0, as after process.exit()";
    default:
      return signal === null
        ? `ended with exit code ${code}${lastLine(errors)}`
        : `was killed with ${signal}`;
  }
}

function lastLine(text: string): string {
  const line = text.trim().split("\n").at(-1)?.trim() ?? "";
  return line === "" ? "" : `; its last words: ${line.slice(0, 300)}`;
}
