import { describe, expect, it } from 'vitest';
import { isMadeBy } from '../../../../src/cli/spaces/space-method.js';

describe('isMadeBy', () => {
  it.each([
    ['@semblance-compact', 'vit', true],
    ['@semblance-compact', '@models/semblance-compact', true],
    ['@semblance-compact', '@cifar10-cnn', false],
    ['@cifar10-cnn', 'hog', false],
    // What the method leaves open was decided when the space was made.
    ['bovw-200', 'bovw', true],
    ['bovw-200', 'bovw-200', true],
    ['bovw-200', 'bovw-400', false],
    ['hog:2+bovw-400.pca-256', 'hog:2+bovw.pca-256', true],
    ['hog:2+bovw-400.pca-256', 'hog+bovw.pca-256', false],
    ['hog:2+bovw-400.pca-256', 'bovw+hog:2.pca-256', false],
    ['hog+bovw-400', 'hog+bovw+grey', false],
    ['@semblance-compact.whiten-256', 'vit.whiten-256', true],
    ['@semblance-compact.whiten-256', 'vit.pca-256', false],
    ['@semblance-compact.whiten-256', 'vit.whiten-128', false],
    // A model of more numbers than a space holds was projected.
    ['@wide.pca-768', '@wide', true],
    ['@wide.random-768', 'vit', true],
    ['@wide.random-768', '@other', false],
    ['@wide.random-768', '@wide.pca-768', false],
    ['@wide.whiten-768', '@wide', false],
    ['@semblance-compact.class', 'vit.class', true],
    ['@semblance-compact.class', 'vit', false],
    ['color', 'grey', false],
  ])('a space made by %s, asked for as %s: %j', (model, method, expected) => {
    expect(isMadeBy(model, method)).toBe(expected);
  });

  it('refuses what is no method', () => {
    expect(() => isMadeBy('color', 'colour')).toThrow('"colour"');
  });
});
