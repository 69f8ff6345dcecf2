/** What tslab keeps on the global object: how to reach it from a package that it did not load. */
export interface PlainTslab {
  require(specifier: "tslab"): {
    display: { html(text: string): void };
    /** One entry that is shown once and replaced from then on. */
    newDisplay(): { html(text: string): void };
  };
}

/** The tslab kernel without a recorder that this process is, or `undefined`. */
export function findPlainTslab(): PlainTslab | undefined {
  return (globalThis as { __tslab__?: PlainTslab }).__tslab__;
}
