import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Frame } from "../../sdk/frame/frame.js";
import { NumberTable } from "../../sdk/frame/number-table.js";
import { bindColumns } from "../../sdk/models/column-binding.js";
import { toTable } from "../../sdk/models/table.js";
import type { TensorSlot } from "../../sdk/tensor/tensor.js";

const NAMES = ["a", "b", "c", "d"];

/** Rows of numbers, in which the columns of a frame stand in any order among others. */
const table = fc
  .record({
    places: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 1, maxLength: 4 }),
    rows: fc.array(fc.array(fc.double({ noNaN: true }), { minLength: 5, maxLength: 5 }), {
      minLength: 1,
      maxLength: 20,
    }),
  })
  .chain(({ places, rows }) =>
    fc.record({
      places: fc.constant(places),
      rows: fc.constant(rows),
      wanted: fc.shuffledSubarray(NAMES.slice(0, places.length), { minLength: 1 }),
    }),
  );

test("numbers that are row after row fill a model as their columns do", () => {
  fc.assert(
    fc.property(table, fc.constantFrom("float32", "float64", "int64"), (given, dtype) => {
      const { places, rows, wanted } = given;
      const whole = dtype === "int64" ? rows.map((row) => row.map((_, i) => i)) : rows;
      const names = NAMES.slice(0, places.length);
      const kinds = names.map(() => "float64" as const);
      const cells = Float64Array.from(whole.flat());
      const numbers = new NumberTable(cells, 5, Int32Array.from(places), kinds);
      const asRows = new Frame(names, numbers);
      const asColumns = new Frame(
        names,
        places.map((place) => ({
          kind: "float64" as const,
          values: Float64Array.from(whole, (row) => row[place]!),
        })),
      );
      expect(asRows.toPlain()).toEqual(asColumns.toPlain());
      expect(asRows.slice(1).toPlain()).toEqual(asColumns.slice(1).toPlain());
      const slot: TensorSlot = { name: "x", dtype, shape: [null, null], symbols: ["", ""] };
      const bind = (frame: Frame, features?: readonly string[]) =>
        bindColumns("m", [slot], toTable(frame)!, features === undefined ? {} : { features });
      expect(bind(asRows, wanted)).toEqual(bind(asColumns, wanted));
      expect(bind(asRows)).toEqual(bind(asColumns));
    }),
  );
});
