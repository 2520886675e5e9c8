import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { maxModelBytes } from '../../base/limits.js';
import { ModelError } from '../model-error.js';
import { sizeOf } from '../../base/disk.js';

/** Fields of ONNX's messages (onnx.proto3): the graph of a model, its tensors, and what tells where a tensor's bytes are. */
const graphOfModel = 7;
const initializerOfGraph = 5;
const tensor = { rawData: 9, externalData: 13, dataLocation: 14 } as const;
const entry = { key: 1, value: 2 } as const;
const external = 1n;

/** Bytes of the graph's file, or a range of the file with the weights. */
type Piece = Uint8Array | { readonly offset: number; readonly bytes: number };

interface Field {
  readonly number: number;
  /** The whole of it, with its tag. */
  readonly all: Uint8Array;
  /** Payload of a field that has a length; undefined for a number. */
  readonly payload: Uint8Array | undefined;
  readonly number64: bigint | undefined;
}

interface Joining {
  /** Name by which the graph calls the file with the weights. */
  readonly location: string;
  readonly weightsBytes: number;
}

/**
 * Writes one ONNX file of a graph and of the file that holds its weights, so that the whole model has one checksum. Both have
 * been checked.
 * @param weightsName the name of the weights' file where both come from
 * @throws ModelError if the graph is damaged, or names other files or bytes that the weights do not have
 */
export async function joinWeights(graphPath: string, weightsPath: string, weightsName: string, target: string): Promise<void> {
  const weightsBytes = (await sizeOf(weightsPath)) ?? 0;
  const joining = { location: basename(weightsName), weightsBytes };
  const pieces = rewrite(await readFile(graphPath), graphOfModel, (graph) =>
    rewrite(graph, initializerOfGraph, (each) => withRawData(each, joining)),
  );
  const bytes = lengthOf(pieces);
  if (bytes > maxModelBytes) throw damaged(`it has ${bytes} bytes with its weights, more than the ${maxModelBytes} that one model may have`);
  const file = await open(target, 'w', 0o644);
  try {
    for (const piece of pieces) {
      if (piece instanceof Uint8Array) {
        await file.appendFile(piece);
      } else if (piece.bytes > 0) {
        const range = createReadStream(weightsPath, { start: piece.offset, end: piece.offset + piece.bytes - 1 });
        for await (const chunk of range) await file.appendFile(chunk as Buffer);
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The message with every payload of one field made anew. */
function rewrite(message: Uint8Array, field: number, make: (payload: Uint8Array) => readonly Piece[]): readonly Piece[] {
  return fieldsOf(message).flatMap(({ number, all, payload }) =>
    number === field && payload !== undefined ? delimited(field, make(payload)) : [all],
  );
}

/** A tensor whose bytes lie in another file, with these bytes in it; any other as it is. */
function withRawData(message: Uint8Array, joining: Joining): readonly Piece[] {
  const fields = fieldsOf(message);
  if (!fields.some(({ number, number64 }) => number === tensor.dataLocation && number64 === external)) return [message];
  const kept = fields.filter(({ number }) => number !== tensor.externalData && number !== tensor.dataLocation);
  return [...kept.map(({ all }) => all), ...delimited(tensor.rawData, [rangeOf(fields, joining)])];
}

function rangeOf(fields: readonly Field[], { location, weightsBytes }: Joining): { readonly offset: number; readonly bytes: number } {
  const said = new Map(fields.flatMap(({ number, payload }) => (number === tensor.externalData && payload !== undefined ? [pairOf(payload)] : [])));
  const named = said.get('location');
  if (named === undefined || basename(named) !== location) {
    throw damaged(`its weights lie in ${JSON.stringify(named)}, and ${JSON.stringify(location)} is what there is`);
  }
  const offset = Number(said.get('offset') ?? 0);
  const bytes = Number(said.get('length') ?? weightsBytes - offset);
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(bytes) || offset < 0 || bytes < 0 || offset + bytes > weightsBytes) {
    throw damaged(`it takes ${bytes} bytes from ${offset} on of weights that have ${weightsBytes}`);
  }
  return { offset, bytes };
}

function pairOf(message: Uint8Array): readonly [string, string] {
  const fields = fieldsOf(message);
  const text = (wanted: number) => Buffer.from(fields.find(({ number }) => number === wanted)?.payload ?? []).toString('utf8');
  return [text(entry.key), text(entry.value)];
}

/** The fields of a Protocol Buffers message, in their order. */
function fieldsOf(message: Uint8Array): readonly Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < message.length;) {
    const start = at;
    const tag = varintAt(message, at);
    at = tag.end;
    const [number, wire] = [Number(tag.value >> 3n), Number(tag.value & 7n)];
    let payload: Uint8Array | undefined;
    let number64: bigint | undefined;
    if (wire === 0) {
      ({ value: number64, end: at } = varintAt(message, at));
    } else if (wire === 2) {
      const length = varintAt(message, at);
      at = length.end + Number(length.value);
      payload = message.subarray(length.end, at);
    } else if (wire === 1 || wire === 5) {
      at += wire === 1 ? 8 : 4;
    } else {
      throw damaged(`it has a field of wire type ${wire}`);
    }
    if (at > message.length) throw damaged('it ends in the middle of a field');
    fields.push({ number, all: message.subarray(start, at), payload, number64 });
  }
  return fields;
}

function varintAt(message: Uint8Array, start: number): { readonly value: bigint; readonly end: number } {
  let value = 0n;
  for (let at = start, shift = 0n; at < message.length && shift < 70n; at++, shift += 7n) {
    const byte = message[at] ?? 0;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw damaged('it ends in the middle of a number');
}

function delimited(field: number, pieces: readonly Piece[]): readonly Piece[] {
  return [Uint8Array.from([...varint((field << 3) | 2), ...varint(lengthOf(pieces))]), ...pieces];
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...bytes, left];
    bytes.push((left % 128) | 0x80);
  }
}

function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + (piece instanceof Uint8Array ? piece.length : piece.bytes), 0);
}

function damaged(why: string): ModelError {
  return new ModelError(`The graph cannot be joined with its weights: ${why}`);
}
