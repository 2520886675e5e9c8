import type { RegionInput } from '../../generated/graphql.js';
import { boxStyle } from './region.js';

/** Frames a part of the picture that it lies on. */
export function RegionBox({ region }: { readonly region: RegionInput }) {
  return <span className="region__box" style={boxStyle(region)} />;
}
