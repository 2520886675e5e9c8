import { Link } from 'wouter';
import { formatCount, formatNumber } from '../../lib/format.js';
import { Picture } from '../../parts/picture.js';
import type { UploadState } from './search-with-files.js';
import { keptUpload, maxKept } from './upload-searches.js';

interface GivenTogetherProps {
  readonly state: UploadState;
  /** Of the view that searches. */
  readonly address: string;
}

/** The pictures that were given at once, of which one is searched with. Nothing where one file was given. */
export function GivenTogether({ state, address }: GivenTogetherProps) {
  const { upload, together, leftOut, otherFiles } = state;
  const queries = together.flatMap((key) => keptUpload(key) ?? []);
  const current = queries.findIndex(({ key }) => key === upload);
  if (current < 0) return null;
  const others =
    otherFiles > 0
      ? `${formatCount(otherFiles, 'file that is no picture was', 'files that are no pictures were')} left out.`
      : null;
  if (queries.length < 2) return others === null ? null : <p className="note">{others}</p>;
  return (
    <nav className="together" aria-label="Pictures searched for one by one">
      <p className="together__count">
        Picture {current + 1} of {queries.length}, searched for one by one.
        {leftOut > 0 ? ` ${formatNumber(leftOut)} more were left out: the page takes ${maxKept} at once.` : null}{' '}
        {others}
      </p>
      <ol className="together__list">
        {queries.map(({ key, file, previewUrl, size }) => (
          <li key={key}>
            <Link
              href={address}
              state={{ ...state, upload: key }}
              className="together__picture"
              title={file.name}
              aria-label={`Search with ${file.name}`}
              {...(key === upload ? { 'aria-current': 'true' as const } : {})}
              onClick={() => {
                window.scrollTo(0, 0);
              }}
            >
              <Picture src={previewUrl} alt="" width={size?.width ?? 1} height={size?.height ?? 1} />
            </Link>
          </li>
        ))}
      </ol>
    </nav>
  );
}
