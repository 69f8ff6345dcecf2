import { InvalidArgumentError } from "commander";

/** A port as it is written on the command line; 0 takes a free one. */
export function toPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError("A port is a whole number from 0 to 65535.");
}

/** Collects `key=value`, given once or more often. */
export function toLabels(
  text: string,
  labels: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const equals = text.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError("A label is written key=value.");
  return { ...labels, [text.slice(0, equals)]: text.slice(equals + 1) };
}
