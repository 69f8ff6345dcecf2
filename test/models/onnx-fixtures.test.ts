import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createColumn } from "../../sdk/frame/frame-from-data-frame.js";
import { Frame } from "../../sdk/frame/frame.js";
import { danfojsWasUsed, toDataFrame } from "../../sdk/frame/lazy-data-frame.js";
import { onnx } from "../../sdk/models/onnx.js";
import type { OnnxModel } from "../../sdk/models/onnx-model.js";
import {
  expectRows,
  groupRows,
  isTabular,
  loadFixture,
  ONNX_FIXTURES,
  toInputs,
  type FixtureRecord,
} from "./fixture.js";

function toFrame(records: readonly FixtureRecord[], names: readonly string[]): Frame {
  return new Frame(
    names,
    names.map((name) => createColumn(records.map((record) => record[name]))),
  );
}

describe.each(ONNX_FIXTURES)("%s answers as the framework that wrote it", (id) => {
  const fixture = loadFixture(id);
  const all = fixture.records.map((_, row) => row);
  let model: OnnxModel;

  beforeAll(async () => {
    model = await onnx(fixture.file).load({ name: id });
  });
  afterAll(() => model.release());

  it("for all rows in one run", async () => {
    for (const rows of groupRows(fixture)) {
      expectRows(fixture, await model.run(toInputs(fixture, rows)), rows);
    }
  });

  it("for one row a run", async () => {
    for (const row of all) expectRows(fixture, await model.run(toInputs(fixture, [row])), [row]);
  });

  it("for rows in any order", async () => {
    for (const rows of groupRows(fixture)) {
      const turned = rows.toReversed();
      expectRows(fixture, await model.run(toInputs(fixture, turned)), turned);
    }
  });

  it("for the elements of an input with their dimensions", async () => {
    for (const rows of groupRows(fixture)) {
      const inputs = Object.entries(toInputs(fixture, rows)).map(([name, value]) => {
        const nested = value as unknown[][];
        const dims = [];
        for (let list: unknown = nested; Array.isArray(list); list = list[0])
          dims.push(list.length);
        return [name, { data: nested.flat(9), dims }];
      });
      expectRows(fixture, await model.run(Object.fromEntries(inputs) as never), rows);
    }
  });

  it.runIf(isTabular(fixture))("for a frame with its columns in any order", async () => {
    const names = Object.keys(fixture.records[0]!);
    const features = fixture.card.onnx.inputs[0]!.features;
    const options = features === undefined ? {} : { features };
    const frame = toFrame(fixture.records, names.toReversed());
    expectRows(fixture, await model.run(frame, options), all);
    expectRows(fixture, await model.run(toDataFrame(frame), options), all);
    expectRows(fixture, await model.run(fixture.records, options), all);
    expectRows(fixture, await model.run(toFrame(fixture.records, features ?? names)), all);
    expect(danfojsWasUsed()).toBe(false);
  });
});
