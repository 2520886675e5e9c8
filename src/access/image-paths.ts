/** The forms in which an image is served. */
export const imageForms = ['original', 'rendition', 'thumbnail'] as const;

export type ImageForm = (typeof imageForms)[number];

/** Paths on this server of an image's forms: the one place that spells them. */
export function imagePaths(id: string): Readonly<Record<ImageForm, string>> {
  return {
    original: `/images/${id}/original`,
    rendition: `/images/${id}/rendition`,
    thumbnail: `/images/${id}/thumbnail`,
  };
}
