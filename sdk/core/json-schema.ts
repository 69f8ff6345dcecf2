/** A JSON Schema document (draft 2020-12), as OpenAPI 3.1 holds it. */
export type JsonSchema = { [keyword: string]: unknown };
