import { describe, expect, it } from 'vitest';
import { captionOf } from '../../../web/src/lib/caption.js';

describe('the caption of a picture', () => {
  it.each([
    [{ label: 'newt', path: 'pond/0001.jpg' }, 'newt'],
    [{ path: 'pond/0001.jpg' }, 'pond/0001.jpg'],
    [{ label: ' ', path: 'pond/0001.jpg' }, 'pond/0001.jpg'],
    [{ label: ['newt'], path: 7 }, undefined],
    [{}, undefined],
    [null, undefined],
    ['label', undefined],
  ])('of %j is %j', (metadata, caption) => {
    expect(captionOf(metadata)).toBe(caption);
  });
});
