/**
 * What an export of ekiben carries that must know the folder of the bundle it is used in: a function
 * that makes the export for that folder.
 */
export const IN_BUNDLE = Symbol.for("ekiben.in-bundle");

/** The module as the code of a bundle sees it. */
export function toBundleModule(module: object, directory: string): object {
  const entries = Object.entries(module).flatMap(([name, value]) => {
    const make = (value as { [IN_BUNDLE]?: unknown } | null | undefined)?.[IN_BUNDLE];
    return typeof make === "function" ? [[name, (make as (at: string) => unknown)(directory)]] : [];
  });
  return entries.length === 0 ? module : { ...module, ...Object.fromEntries(entries) };
}
