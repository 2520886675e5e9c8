import { describe, expect, it } from 'vitest';
import type { TensorDescription } from '../../../../src/models/folder/probe-messages.js';
import { findInput, findOutput, type Hints } from '../../../../src/models/folder/read-weights.js';

function tensor(name: string, shape: TensorDescription['shape'], type = 'float32'): TensorDescription {
  return { name, shape, type };
}

const planar = tensor('x', ['n', 3, 224, 160]);
const free = tensor('x', ['n', 'channels', 'h', 'w']);

describe('findInput', () => {
  it.each<[string, TensorDescription, Hints, object]>([
    ['colours first', planar, {}, { name: 'x', layout: 'NCHW', type: 'float32', width: 160, height: 224 }],
    ['colours last', tensor('x', [4, 16, 24, 3], 'uint8'), {}, { layout: 'NHWC', type: 'uint8', width: 24, height: 16 }],
    ['any size', tensor('x', ['n', 3, '', '']), { size: { width: 64, height: 32 } }, { layout: 'NCHW', width: 64, height: 32 }],
    ['nothing said', free, { size: { width: 8, height: 8 }, layout: 'NHWC' }, { layout: 'NHWC', width: 8, height: 8 }],
  ])('reads %s', (_, input, hints, expected) => {
    expect(findInput([input], hints)).toEqual({ value: expect.objectContaining(expected) as object });
  });

  it.each<[string, readonly TensorDescription[], Hints, string]>([
    ['two inputs', [planar, tensor('ids', ['n', 77], 'int64')], {}, 'The model has 2 inputs ("x" [n, 3, 224, 160], "ids" [n, 77])'],
    ['half precision', [tensor('x', ['n', 3, 8, 8], 'float16')], {}, 'is float16; float32 and uint8 are possible'],
    ['no images', [tensor('x', ['n', 768])], {}, 'is no batch of images'],
    ['any layout', [free], { size: { width: 8, height: 8 } }, 'does not show where its three colours are: say --layout'],
    ['colours twice', [tensor('x', ['n', 3, 8, 3])], {}, 'say --layout'],
    ['the other layout', [planar], { layout: 'NHWC' }, 'is NCHW: --layout NHWC does not go with it'],
    ['any size', [tensor('x', ['n', 3, '', ''])], {}, '"x" [n, 3, ?, ?] takes images of any size: say --size'],
    ['another size', [planar], { size: { width: 224, height: 224 } }, 'does not take images of 224x224'],
  ])('refuses %s', (_, inputs, hints, problem) => {
    expect(findInput(inputs, hints)).toEqual({ problems: [expect.stringContaining(problem)] });
  });
});

const tokens = tensor('last_hidden_state', [1, 257, 384]);
const embeds = tensor('image_embeds', [1, 512]);
const logits = tensor('logits', [1, 1000]);

describe('findOutput', () => {
  it.each<[string, readonly TensorDescription[], Hints, object]>([
    ['the one that fits', [logits, embeds], {}, { name: 'image_embeds', pooling: 'none', dimensions: 512, normalized: false }],
    ['the named one', [tokens, embeds], { output: 'image_embeds', normalized: true }, { name: 'image_embeds', normalized: true }],
    ['a wide one by name', [logits, embeds], { output: 'logits' }, { name: 'logits', dimensions: 1000 }],
    ['a wide one where there is no other', [tensor('pooled', [1, 1280])], {}, { name: 'pooled', dimensions: 1280 }],
    ['tokens', [tokens], { pooling: 'mean', prefixTokens: 1 }, { pooling: 'mean', dimensions: 384, prefixTokens: 1 }],
    ['tokens twice', [tokens], { pooling: 'cls+mean' }, { pooling: 'cls+mean', dimensions: 768 }],
  ])('takes %s', (_, outputs, hints, expected) => {
    expect(findOutput(outputs, hints)).toEqual({ value: expect.objectContaining(expected) as object });
  });

  it.each<[string, readonly TensorDescription[], Hints, string]>([
    ['two that fit', [tokens, embeds], {}, 'more than one output that could be its embedding, "last_hidden_state" [1, 257, 384], "image_embeds" [1, 512]: say --output'],
    ['an unknown name', [tokens], { output: 'pooled' }, 'The model has no output "pooled", but "last_hidden_state"'],
    ['none that fits', [tensor('logits', [1, 5000]), tensor('map', [1, 2048, 7, 7])], {}, '"map" [1, 2048, 7, 7]: neither a vector for each image nor one for each token'],
    ['one that is too wide, by name', [tensor('logits', [1, 5000]), embeds], { output: 'logits' }, 'its vectors have 5000 numbers and at most 4096 are possible'],
    ['integers', [tensor('codes', [1, 64], 'int64')], {}, 'it is int64, and float32 is expected'],
    ['tokens without pooling', [tokens], {}, 'has a vector for each token: say --pooling cls, mean or cls+mean'],
    ['pooling of what is pooled', [embeds], { pooling: 'cls' }, 'is pooled already: --pooling cls does not go with it'],
    ['too wide a pair', [tensor('t', [1, 5, 2100])], { pooling: 'cls+mean' }, 'has 4200 numbers; at most 4096 are possible'],
  ])('refuses %s', (_, outputs, hints, problem) => {
    expect(findOutput(outputs, hints)).toEqual({ problems: [expect.stringContaining(problem)] });
  });
});
