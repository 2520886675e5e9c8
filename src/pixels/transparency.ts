import type { DecodedImage, MediaType } from './decode/decoded-image.js';

/**
 * What is laid behind a picture that is transparent in parts. `white`: white, as for every space of earlier versions, for
 * thumbnails and renditions. `contrast`: white, black or grey, by the picture, for new spaces and `makeGrey`: see `contrastingLevel`.
 */
export type Transparency = 'white' | 'contrast';

/** Grey levels to lay behind a picture, the first that serves. */
const levels = [255, 0, 128] as const;
/** A colour that differs from the background by at most this in each of red, green and blue is hardly seen. */
const hiddenDifference = 48;
/** A background serves that hides at most this share of what is visible. */
const maxHiddenShare = 0.1;

/** The image as `transparency` shows it. */
export function composed(image: DecodedImage, transparency: Transparency): DecodedImage {
  return transparency === 'white' || image.contrasted === undefined ? image : { ...image, pixels: image.contrasted };
}

/** The one kind of file in which nothing is transparent. */
export const opaqueMediaType = 'image/jpeg' satisfies MediaType;

export function mayBeTransparent(mediaType: MediaType): boolean {
  return mediaType !== opaqueMediaType;
}

/** @param rgba row-major, 4 bytes a pixel, not premultiplied */
export function isOpaque(rgba: Uint8Array): boolean {
  for (let at = 3; at < rgba.length; at += 4) if (rgba[at] !== 255) return false;
  return true;
}

/**
 * The first of white, black and grey that hides at most a tenth of the visible picture; where none does, the one that hides
 * least. A pixel counts by its alpha, so neither size nor cut of the transparent part changes the answer.
 * @param rgba as `isOpaque`
 */
export function contrastingLevel(rgba: Uint8Array): number {
  const hidden = levels.map(() => 0);
  let visible = 0;
  for (let at = 0; at < rgba.length; at += 4) {
    const alpha = rgba[at + 3] ?? 0;
    if (alpha === 0) continue;
    visible += alpha;
    const [red = 0, green = 0, blue = 0] = [rgba[at], rgba[at + 1], rgba[at + 2]];
    const least = Math.min(red, green, blue);
    const most = Math.max(red, green, blue);
    levels.forEach((level, index) => {
      if (least >= level - hiddenDifference && most <= level + hiddenDifference)
        hidden[index] = (hidden[index] ?? 0) + alpha;
    });
  }
  const serving = hidden.findIndex((share) => share <= maxHiddenShare * visible);
  return levels[serving >= 0 ? serving : hidden.indexOf(Math.min(...hidden))] ?? levels[0];
}

/**
 * Lays the pixels over a grey level, in place.
 * @param rgba as `isOpaque`; it is overwritten
 * @returns row-major RGB, a view on `rgba`
 */
export function layOver(rgba: Uint8Array, level: number): Uint8Array {
  // The RGB of a pixel lies at or before its RGBA.
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    const alpha = rgba[from + 3] ?? 0;
    const behind = level * (255 - alpha);
    for (let channel = 0; channel < 3; channel++) {
      rgba[to + channel] = Math.round(((rgba[from + channel] ?? 0) * alpha + behind) / 255);
    }
  }
  return rgba.subarray(0, (rgba.length / 4) * 3);
}
