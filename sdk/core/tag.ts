import { EkibenError } from "./errors.js";

/** The name of a service and one of its versions, written `name:version`. */
export interface Tag {
  name: string;
  version: string;
}

const NAME = /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/;
const VERSION = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/;

/**
 * Checks the name of a service: 1 to 63 of `a-z 0-9 . _ -`, first and last a letter or a digit, so
 * that it is also a file name, an OCI repository and a Kubernetes name.
 */
export function checkName(name: string, what = "service"): string {
  if (NAME.test(name)) return name;
  throw new EkibenError("TAG_INVALID", {
    detail: `The ${what} name ${JSON.stringify(name)} is not valid.`,
    hint: "Use 1 to 63 lower-case letters, digits, dots, hyphens or underscores; begin and end with a letter or digit.",
    expected: NAME.source,
    received: name,
  });
}

/** Reads `name:version`; the version is `latest` when it is left out. */
export function parseTag(text: string): Tag {
  const colon = text.indexOf(":");
  const name = colon === -1 ? text : text.slice(0, colon);
  const version = colon === -1 ? "latest" : text.slice(colon + 1);
  checkName(name);
  if (!VERSION.test(version)) {
    throw new EkibenError("TAG_INVALID", {
      detail: `The version ${JSON.stringify(version)} is not valid.`,
      hint: "Use 1 to 128 letters, digits, dots, hyphens or underscores, or `latest`.",
      received: text,
    });
  }
  return { name, version };
}

export function printTag(tag: Tag): string {
  return `${tag.name}:${tag.version}`;
}

/** A new version: UTC time and the first digits of the digest, so versions sort by age. */
export function createVersion(now: Date, digest: string): string {
  const stamp = now
    .toISOString()
    .replace(/[-:]/g, "")
    .replace(/\.\d+Z$/, "");
  return `${stamp.replace("T", "-")}-${digest.slice(0, 8)}`;
}
