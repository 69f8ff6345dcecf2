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

/** Collects `key=number`, given once or more often. */
export function toMetrics(
  text: string,
  metrics: Readonly<Record<string, number>> = {},
): Record<string, number> {
  const equals = text.indexOf("=");
  const value = Number(text.slice(equals + 1));
  if (equals < 1 || text.slice(equals + 1).trim() === "" || !Number.isFinite(value)) {
    throw new InvalidArgumentError("A metric is written key=number, such as auc=0.91.");
  }
  return { ...metrics, [text.slice(0, equals)]: value };
}

/** Collects words, given once or more often. */
export function toNames(text: string, names: readonly string[] = []): string[] {
  return [...names, text];
}

/** A whole number from 1. */
export function toCount(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError("A whole number from 1 is expected.");
}

/** Collects `name: value`, given once or more often; names in lower case, as samples have them. */
export function toHeaders(
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const colon = text.indexOf(":");
  const name = text.slice(0, Math.max(0, colon)).trim();
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name))
    throw new InvalidArgumentError('A header is written "name: value".');
  return { ...headers, [name.toLowerCase()]: text.slice(colon + 1).trim() };
}
