/** How the value of a setting is written: as text in an option or a variable, or as YAML in a file. */
export interface Kind<T> {
  /** What stands for the value in help, such as `<port>`; a switch has none. */
  readonly placeholder?: string;
  /** What is expected, to be read after "expected": `a whole number from 0 to 65535`. */
  readonly expected: string;
  /** `undefined` when `written` is nothing of this kind. Text comes as it was written. */
  read(written: unknown): T | undefined;
  /** A value as it would be given. @default its parts with commas, or its text */
  print?(value: T): string;
}

/** One thing that can be set; `undefined` as its default means that it is off. */
export interface Setting<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  /** As commander writes flags: `-p, --port`. */
  readonly flag?: string;
  /** The environment variable. */
  readonly env: string;
  /** One line for help and documentation; begins small and ends without a full stop. */
  readonly help: string;
  /** What holds where it is not set, when that is neither its default nor off: `stdout, or a file`. */
  readonly follows?: string;
  /** Its value is never shown. @default false */
  readonly secret?: boolean;
}

/** Keeps the type of the value, which its kind alone decides. */
export function setting<T, D extends T | undefined>(
  declared: Omit<Setting<T>, "default"> & { readonly default: D },
): Setting<D extends undefined ? T | undefined : T> {
  return declared as unknown as Setting<D extends undefined ? T | undefined : T>;
}
