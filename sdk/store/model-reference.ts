import { EkibenError } from "../core/errors.js";
import { parseTag } from "../core/tag.js";

/** Which version of a model is meant. */
export interface ModelReference {
  readonly name: string;
  /** A version, its beginning, or `latest`. */
  readonly version: string;
  /** In place of a version: `name@alias`. */
  readonly alias?: string;
}

/**
 * Reads `name`, `name:version` or `name@alias`.
 * @throws TAG_INVALID
 */
export function parseModelReference(text: string): ModelReference {
  const at = text.indexOf("@");
  if (at === -1) {
    const { name, version } = parseTag(text);
    return { name, version };
  }
  const { name } = parseTag(text.slice(0, at));
  if (text.slice(0, at) !== name) {
    throw new EkibenError("TAG_INVALID", {
      detail: `${JSON.stringify(text)} names a version and an alias.`,
      hint: `Write ${name}:<version> or ${name}@<alias>.`,
      received: text,
    });
  }
  return { name, version: "latest", alias: checkAlias(text.slice(at + 1)) };
}

/** @throws TAG_INVALID for what cannot be written after an `@` */
export function checkAlias(alias: string): string {
  if (/^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/.test(alias) && alias !== "latest") {
    return alias;
  }
  throw new EkibenError("TAG_INVALID", {
    detail:
      alias === "latest"
        ? "An alias cannot be called latest: that always means the newest version."
        : `The alias ${JSON.stringify(alias)} is not valid.`,
    hint: "Use 1 to 64 letters, digits, dots, hyphens or underscores, such as production.",
    received: alias,
  });
}
