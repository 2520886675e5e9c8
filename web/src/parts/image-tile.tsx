import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { ImageTileFragment } from '../generated/graphql.js';
import { formatBytes, formatDimensions } from '../lib/format.js';
import { paths } from '../lib/paths.js';
import { Caption } from './caption.js';
import { Picture } from './picture.js';

interface ImageTileProps {
  readonly image: ImageTileFragment;
  /** Where the picture leads, and what a screen reader hears of it. */
  readonly href: string;
  readonly label: string;
  /** Between picture and name, such as its similarity. */
  readonly children?: ReactNode;
}

/** A stored picture in a grid: the picture itself leads on, its name opens its own page. */
export function ImageTile({ image, href, label, children }: ImageTileProps) {
  return (
    <article className="tile">
      <Link href={href} className="tile__picture" aria-label={label}>
        <Picture imageId={image.id} src={image.thumbnailUrl} alt="" width={image.width} height={image.height} />
      </Link>
      {children}
      <p className="tile__name">
        <Link href={paths.image(image.id)} title={image.filename}>
          <bdi>{image.filename}</bdi>
        </Link>
      </p>
      <Caption metadata={image.metadata} className="tile__caption" />
      <p className="tile__facts">
        {formatDimensions(image)}, {formatBytes(image.byteSize)}
      </p>
    </article>
  );
}
