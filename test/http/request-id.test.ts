import { expect, test } from "vitest";
import { isRequestId, toRequestId } from "../../sdk/http/request-id.js";

test("made ids are UUIDs in form, and each is another", () => {
  const ids = Array.from({ length: 20_000 }, () => toRequestId(undefined));
  expect(new Set(ids).size).toBe(ids.length);
  const form = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  expect(ids.filter((id) => !form.test(id) || !isRequestId(id))).toEqual([]);
});
