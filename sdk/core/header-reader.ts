/** Reads single headers of a request; names in any case. */
export interface HeaderReader {
  get(name: string): string | null;
}
