/** The version that a person meant, or those that it may be. */
export type ChosenVersion<Version> =
  | { readonly found: Version }
  | { readonly found?: undefined; readonly candidates: readonly Version[] };

/**
 * Chooses one of the versions of a name, newest first: `latest`, a whole version, or the beginning of
 * exactly one. Candidates are those that begin so, and none when there is no such version.
 */
export function chooseVersion<Version extends { readonly version: string }>(
  versions: readonly Version[],
  wanted: string,
): ChosenVersion<Version> {
  const exact = versions.find(({ version }) => version === wanted);
  if (exact !== undefined) return { found: exact };
  if (wanted === "latest" && versions.length > 0) return { found: versions[0]! };
  const candidates = versions.filter(({ version }) => version.startsWith(wanted));
  return candidates.length === 1 ? { found: candidates[0]! } : { candidates };
}
