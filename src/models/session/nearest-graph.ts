const int64 = 7;
const float = 1;
const int32 = 6;
const opset = 13;
const irVersion = 8;

/**
 * An ONNX graph of three nodes, written out by hand (onnx/onnx.proto names the field numbers): products of every row of
 * `queries` with every row of `gallery`, and of each row the `count` largest, equal ones by column.
 *
 *   queries float[q, d], gallery float[n, d], count int64[1] → products float[q, k], columns int32[q, k]
 */
export function nearestGraph(): Uint8Array {
  const graph = [
    ...node('Gemm', ['queries', 'gallery'], ['all'], [integerAttribute('transB', 1)]),
    ...node('TopK', ['all', 'count'], ['products', 'positions'], [integerAttribute('axis', 1)]),
    ...node('Cast', ['positions'], ['columns'], [integerAttribute('to', int32)]),
    ...text(2, 'nearest'),
    ...tensor(11, 'queries', float, ['q', 'd']),
    ...tensor(11, 'gallery', float, ['n', 'd']),
    ...tensor(11, 'count', int64, [1]),
    ...tensor(12, 'products', float, ['q', 'k']),
    ...tensor(12, 'columns', int32, ['q', 'k']),
  ];
  return Uint8Array.from([...integer(1, irVersion), ...message(7, graph), ...message(8, integer(2, opset))]);
}

type Bytes = readonly number[];

function node(op: string, inputs: readonly string[], outputs: readonly string[], attributes: readonly Bytes[]): Bytes {
  return message(1, [
    ...inputs.flatMap((name) => text(1, name)),
    ...outputs.flatMap((name) => text(2, name)),
    ...text(4, op),
    ...attributes.flat(),
  ]);
}

function integerAttribute(name: string, value: number): Bytes {
  const integerType = 2;
  return message(5, [...text(1, name), ...integer(3, value), ...integer(20, integerType)]);
}

function tensor(field: number, name: string, type: number, shape: readonly (string | number)[]): Bytes {
  const dimensions = shape.flatMap((size) => message(1, typeof size === 'string' ? text(2, size) : integer(1, size)));
  return message(field, [
    ...text(1, name),
    ...message(2, message(1, [...integer(1, type), ...message(2, dimensions)])),
  ]);
}

function text(field: number, value: string): Bytes {
  return message(field, [...Buffer.from(value)]);
}

function message(field: number, bytes: Bytes): Bytes {
  return [...varint((field << 3) | 2), ...varint(bytes.length), ...bytes];
}

function integer(field: number, value: number): Bytes {
  return [...varint(field << 3), ...varint(value)];
}

function varint(value: number): Bytes {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
