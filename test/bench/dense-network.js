/**
 * @typedef {object} DenseLayer
 * @property {number} rows how many values come in
 * @property {number} columns how many go out
 * @property {Float32Array} weights `[rows, columns]`
 * @property {Float32Array} bias
 */

/**
 * The layers of a dense network with random weights, one for each pair of widths.
 * @param {{ widths: number[], random: () => number }} network
 * @returns {DenseLayer[]}
 */
export function createDenseLayers({ widths, random }) {
  return widths.slice(1).map((columns, i) => {
    const rows = widths[i];
    // Keeps the values of deep layers in the range of those of the first.
    const scale = Math.sqrt(6 / rows);
    return {
      rows,
      columns,
      weights: Float32Array.from({ length: rows * columns }, () => scale * (2 * random() - 1)),
      bias: Float32Array.from({ length: columns }, () => 0.1 * (random() - 0.5)),
    };
  });
}
