import { landscapes } from './landscapes.js';
import { nature } from './nature.js';
import { patterns } from './patterns.js';
import type { Family } from './svg.js';
import { things } from './things.js';

/** Visibly related pictures, family by family. */
export const sampleFamilies: readonly Family[] = [...landscapes, ...patterns, ...nature, ...things];

export const picturesPerFamily = 18;
