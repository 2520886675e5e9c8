/** Tells pictures of one filename apart: the label of their metadata, or the path that they were added from. */
export function captionOf(metadata: unknown): string | undefined {
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  const { label, path } = metadata as { readonly label?: unknown; readonly path?: unknown };
  return [label, path].find((text): text is string => typeof text === 'string' && text.trim() !== '');
}
