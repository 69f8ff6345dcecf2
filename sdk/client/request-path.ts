import { refuseCall } from "./client-error.js";
import type { ApiContract } from "./contract.js";

type Values = Readonly<Record<string, unknown>>;

/** The path of a request with its parameters. @throws CALL_INVALID when one is missing */
export function toRequestPath(
  { name, path }: Pick<ApiContract, "name" | "path">,
  params: Values = {},
  query: Values = {},
): string {
  const filled = path.replace(/:([A-Za-z_]\w*)/g, (_, key: string) => {
    const value = params[key];
    if (value !== undefined && value !== null && value !== "") {
      return encodeURIComponent(printParameter(value));
    }
    throw refuseCall(
      `The parameter ${JSON.stringify(key)} of the path ${path} is missing.`,
      `Give it with the call: client.${name}(…, { params: { ${key}: … } }).`,
    );
  });
  return filled + printQuery(query);
}

function printQuery(query: Values): string {
  const printed = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) printed.append(name, printParameter(one));
    }
  }
  const text = printed.toString();
  return text === "" ? "" : `?${text}`;
}

function printParameter(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}
