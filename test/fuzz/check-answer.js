import { ERROR_CATALOGUE } from "ekiben";

/** Client errors that any route may answer with, and what a server that cannot keep up says. */
const STATUSES = new Set([200, 204, 400, 404, 405, 406, 408, 413, 415, 422, 431, 503, 504]);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const SAFE_ID = /^[A-Za-z0-9._:-]{1,128}$/;
/** What only the inside of a server has words for. */
const INSIDE =
  /\/sdk\/|node_modules|\bat async\b|\bat [\w.<>]+ \(|file:\/\/\/|\.[jt]s:\d+|\[object \w+\]/;
const PROBLEM_TYPE = "application/problem+json";

/**
 * What is wrong with an answer, whatever was asked; `undefined` when nothing is.
 * @param {import("./connection.js").Answer} answer
 * @param {{ method: string, path: string, requestId?: string, framed: boolean, secrets: readonly string[] }} asked
 * @returns {string | undefined}
 */
export function findFault(answer, asked) {
  if (answer.fault !== undefined) return `The answer is no HTTP: ${answer.fault}.`;
  const { status } = answer;
  const redirects = status === 302 && asked.path.startsWith("/docs");
  if (!STATUSES.has(status) && !redirects)
    return `The status ${status} is none that is documented.`;
  const text = answer.body.toString("utf8");
  const faults = [
    findIdFault(answer, asked),
    findInside(`${answer.head}\n${status === 200 ? "" : text}`, asked.secrets),
    asked.method === "HEAD" || status === 204 || redirects
      ? undefined
      : findBodyFault(answer, text, asked),
  ];
  return faults.find((fault) => fault !== undefined);
}

function findIdFault({ headers }, { requestId, framed }) {
  const id = headers.get("x-request-id");
  if (id === undefined) return "The answer has no X-Request-Id.";
  if (UUID.test(id)) return undefined;
  // What is framed wrongly may have headers that were not meant as such.
  if ((!framed || id === requestId) && SAFE_ID.test(id)) return undefined;
  return `The answer has the X-Request-Id ${id}, which nobody has sent.`;
}

function findInside(text, secrets) {
  const found = INSIDE.exec(text)?.[0] ?? secrets.find((secret) => text.includes(secret));
  return found === undefined ? undefined : `The answer tells of the inside: ${found}.`;
}

function findBodyFault(answer, text, { path }) {
  const { status } = answer;
  const type = answer.headers.get("content-type") ?? "";
  if (Buffer.from(text).length !== answer.body.length && !/octet|arrow|image|font/.test(type)) {
    return "The answer is text that is not UTF-8.";
  }
  // MLflow's own server answers its probes with a line end that it calls JSON.
  if (status < 300) return text === "\n" ? undefined : findOutputFault(type, text);
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    return `The answer with ${status} is not JSON.`;
  }
  if (type === PROBLEM_TYPE) return findProblemFault(body, answer);
  if (type !== "application/json") return `The answer with ${status} is ${type}.`;
  if (typeof body.error === "string" && path.includes("/v2")) return undefined;
  if (typeof body.error_code === "string" && typeof body.message === "string") return undefined;
  // What a service answers invalid requests with is its own affair.
  if (body.Code === "E400" && typeof body.Msg === "string") return undefined;
  return `The answer with ${status} is no problem document.`;
}

function findProblemFault(problem, { status, headers }) {
  const known = ERROR_CATALOGUE[problem.code];
  if (known === undefined || known.status !== problem.status || problem.status !== status) {
    return `The problem has the code ${problem.code} and the status ${problem.status}, the answer ${status}.`;
  }
  if (problem.requestId !== headers.get("x-request-id"))
    return "The problem has another request id.";
  if (typeof problem.detail !== "string" || problem.detail === "")
    return "The problem has no detail.";
  const size = JSON.stringify(problem).length;
  return size > 16_384 ? `The problem has ${size} characters.` : undefined;
}

/** Each media type with what its text has to be. */
function findOutputFault(type, text) {
  if (type === "application/json") return parses([text], type);
  if (type.startsWith("application/x-ndjson")) {
    return parses(
      text.split("\n").filter((line) => line !== ""),
      type,
    );
  }
  if (type.startsWith("text/event-stream")) {
    const lines = text.split("\n").filter((line) => line !== "");
    const odd = lines.find((line) => !/^(data|event|id|retry)?:/.test(line));
    if (odd !== undefined) return `The stream has the line ${JSON.stringify(odd.slice(0, 80))}.`;
    return parses(
      lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5)),
      type,
    );
  }
  return type === "" ? "The answer has no content type." : undefined;
}

function parses(texts, type) {
  try {
    for (const text of texts) JSON.parse(text);
    return undefined;
  } catch {
    return `The answer is ${type} and does not parse.`;
  }
}
