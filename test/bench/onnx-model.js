/**
 * Writes small ONNX models. Only the fields that dense networks need, by their numbers in
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
const FLOAT = 1;

/** @param {number} value a whole number from 0 */
function varint(value) {
  const bytes = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** @param {number} number @param {number} value */
function int(number, value) {
  return Buffer.concat([varint(number * 8), varint(value)]);
}

/** A string, raw bytes or a message. @param {number} number @param {string | Uint8Array} content */
function bytes(number, content) {
  const body = typeof content === "string" ? Buffer.from(content) : content;
  return Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
}

/** @param {string} name @param {number[]} dims @param {Float32Array} values */
function tensor(name, dims, values) {
  return Buffer.concat([
    ...dims.map((size) => int(1, size)),
    int(2, FLOAT),
    bytes(8, name),
    bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  ]);
}

/** A float input or output of the shape `[N, width]`. @param {string} name @param {number} width */
function value(name, width) {
  const shape = Buffer.concat([bytes(1, bytes(2, "N")), bytes(1, int(1, width))]);
  const type = bytes(1, Buffer.concat([int(1, FLOAT), bytes(2, shape)]));
  return Buffer.concat([bytes(1, name), bytes(2, type)]);
}

/** @param {string} operator @param {string[]} inputs @param {string} output */
function node(operator, inputs, output) {
  return Buffer.concat([
    ...inputs.map((input) => bytes(1, input)),
    bytes(2, output),
    bytes(3, output),
    bytes(4, operator),
  ]);
}

/**
 * The file of a dense network: Gemm for each layer, Relu between them.
 * @param {{ layers: import("./dense-network.js").DenseLayer[], last?: "Sigmoid" | "Softmax" }} network
 */
export function writeDenseNetwork({ layers, last }) {
  const graph = [];
  let from = "x";
  layers.forEach(({ rows, columns, weights, bias }, i) => {
    const layer = i + 1;
    graph.push(bytes(5, tensor(`w${layer}`, [rows, columns], weights)));
    graph.push(bytes(5, tensor(`b${layer}`, [columns], bias)));
    const end = layer === layers.length;
    const operator = end ? last : "Relu";
    const sum = operator === undefined ? "y" : `gemm${layer}`;
    graph.push(bytes(1, node("Gemm", [from, `w${layer}`, `b${layer}`], sum)));
    from = sum;
    if (operator !== undefined) {
      from = end ? "y" : `relu${layer}`;
      graph.push(bytes(1, node(operator, [sum], from)));
    }
  });
  graph.push(bytes(2, "dense"), bytes(11, value("x", layers[0].rows)));
  graph.push(bytes(12, value("y", layers.at(-1).columns)));
  const operators = Buffer.concat([bytes(1, ""), int(2, 13)]);
  return Buffer.concat([
    int(1, 8),
    bytes(2, "ekiben-bench"),
    bytes(7, Buffer.concat(graph)),
    bytes(8, operators),
  ]);
}
