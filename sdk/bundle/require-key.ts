/**
 * The global under which the loader leaves the function that makes a `require` for a bundle. The
 * compiled code looks there; without a loader it falls back on Node's own.
 */
export const REQUIRE_KEY = "ekiben.require";
