import { captionOf } from '../lib/caption.js';

/** Beside a filename. Nothing where the metadata holds neither label nor path. */
export function Caption({ metadata, className }: { readonly metadata: unknown; readonly className: string }) {
  const caption = captionOf(metadata);
  if (caption === undefined) return null;
  return (
    <span className={className} title={caption}>
      <bdi>{caption}</bdi>
    </span>
  );
}
