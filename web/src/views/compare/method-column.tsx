import { useEffect, useMemo } from 'react';
import { Link } from 'wouter';
import type { HitFragment, RegionInput } from '../../generated/graphql.js';
import { captionOf } from '../../lib/caption.js';
import { formatCount, formatMs, formatSimilarity } from '../../lib/format.js';
import { paths } from '../../lib/paths.js';
import { totalMs, useSearchTimes } from '../../lib/search-times.js';
import { useDelayed } from '../../lib/use-delayed.js';
import { ErrorNote } from '../../parts/error-note.js';
import { Picture } from '../../parts/picture.js';
import { ProgressBar } from '../../parts/waiting.js';
import { useSearch, type QuerySource } from '../search/use-search.js';
import { problemOf, type Method, type Methods } from './method.js';
import { MethodChoice } from './method-choice.js';

/** Results of each method: what is further down nobody compares. */
export const hitsCompared = 20;

export interface OtherColumn {
  readonly letter: string;
  readonly ranks: ReadonlyMap<string, number> | undefined;
}

interface MethodColumnProps {
  readonly letter: string;
  readonly source: QuerySource;
  /** The part that is searched with; all of the query unless given. */
  readonly region: RegionInput | undefined;
  readonly methods: Methods;
  readonly method: Method;
  readonly others: readonly OtherColumn[];
  /** The picture under the pointer, in whichever column. */
  readonly pointed: string | undefined;
  readonly onPoint: (imageId: string | undefined) => void;
  readonly onFound: (letter: string, ranks: ReadonlyMap<string, number> | undefined) => void;
  readonly onChange: (method: Method) => void;
  readonly onRemove: (() => void) | undefined;
}

export function MethodColumn(props: MethodColumnProps) {
  const { letter, methods, method, onChange, onRemove } = props;
  const problem = problemOf(method, methods);
  return (
    <section className="column" aria-label={`Method ${letter}`}>
      <div className="column__head">
        <span className="column__letter" aria-hidden="true">
          {letter}
        </span>
        {onRemove === undefined ? null : (
          <button
            type="button"
            className="button column__remove"
            aria-label={`Remove method ${letter}`}
            onClick={onRemove}
          >
            Remove
          </button>
        )}
        <MethodChoice letter={letter} methods={methods} method={method} onChange={onChange} />
      </div>
      {problem === undefined ? <Hits {...props} /> : <p className="note">{problem}</p>}
    </section>
  );
}

function Hits({ letter, source, region, method, others, pointed, onPoint, onFound }: MethodColumnProps) {
  const { space, rerank } = method;
  const search = useMemo(() => ({ space, rerank, k: hitsCompared }), [space, rerank]);
  const { hits, running, sent, error, searchKey, retry } = useSearch(source, region, search);
  const slow = useDelayed(running);
  const times = useSearchTimes(searchKey);
  const settled = running ? undefined : hits;
  useEffect(() => {
    onFound(letter, settled && new Map(settled.map(({ image }, index) => [image.id, index + 1])));
    return () => {
      onFound(letter, undefined);
    };
  }, [letter, settled, onFound]);
  return (
    <>
      <p className="column__times">
        {times === undefined || settled === undefined
          ? ' '
          : `${formatCount(settled.length, 'picture')} in ${formatMs(totalMs(times))}`}
      </p>
      <div className="column__found">
        {slow ? (
          <ProgressBar
            label={sent !== undefined && sent < 1 ? 'Sending the picture' : 'Searching'}
            done={sent !== undefined && sent < 1 ? sent : undefined}
          />
        ) : null}
        {error === undefined ? null : <ErrorNote error={error} onRetry={retry} />}
        {hits?.length === 0 ? <p className="note">The gallery holds no other picture yet.</p> : null}
        {hits === undefined ? null : (
          <ol className={slow ? 'column__hits grid--stale' : 'column__hits'}>
            {hits.map((hit, index) => (
              <Hit
                key={hit.image.id}
                hit={hit}
                rank={index + 1}
                others={others}
                pointed={pointed === hit.image.id}
                onPoint={onPoint}
              />
            ))}
          </ol>
        )}
      </div>
    </>
  );
}

interface HitProps {
  readonly hit: HitFragment;
  readonly rank: number;
  readonly others: readonly OtherColumn[];
  readonly pointed: boolean;
  readonly onPoint: (imageId: string | undefined) => void;
}

function Hit({ hit: { image, similarity, score }, rank, others, pointed, onPoint }: HitProps) {
  const alsoIn = others.flatMap(({ letter, ranks }) => {
    const at = ranks?.get(image.id);
    return at === undefined ? [] : [`${letter} ${at}`];
  });
  const caption = captionOf(image.metadata);
  const point = (): void => {
    onPoint(image.id);
  };
  const leave = (): void => {
    onPoint(undefined);
  };
  return (
    <li
      className={`hit${alsoIn.length > 0 ? ' hit--shared' : ''}${pointed ? ' hit--pointed' : ''}`}
      onMouseEnter={point}
      onMouseLeave={leave}
      onFocus={point}
      onBlur={leave}
    >
      <span className="hit__rank" aria-hidden="true">
        {rank}
      </span>
      <Link href={paths.image(image.id)} className="hit__picture" tabIndex={-1} aria-hidden="true">
        <Picture imageId={image.id} src={image.thumbnailUrl} alt="" width={image.width} height={image.height} />
      </Link>
      <div className="hit__text">
        <p className="hit__name">
          <Link href={paths.image(image.id)} title={image.filename}>
            <bdi>{image.filename}</bdi>
          </Link>
        </p>
        <p className="hit__caption" title={caption}>
          <bdi>{caption ?? ' '}</bdi>
        </p>
        <p className="hit__facts">
          <span className="visually-hidden">Similarity </span>
          {formatSimilarity(similarity)}
          {score == null ? null : `, score ${formatScore(score)}`}
        </p>
        <p className="hit__shared">
          {alsoIn.length === 0 ? (
            ' '
          ) : (
            <>
              <SharedMark /> also in {alsoIn.join(', ')}
            </>
          )}
        </p>
      </div>
    </li>
  );
}

/** Two circles that overlap. */
function SharedMark() {
  return (
    <svg
      viewBox="0 0 18 12"
      width="16"
      height="11"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
    >
      <circle cx="6.5" cy="6" r="4.5" />
      <circle cx="11.5" cy="6" r="4.5" />
    </svg>
  );
}

/** Four digits of whatever size; the API writes the largest number for an infinite one. */
function formatScore(score: number): string {
  if (score >= Number.MAX_VALUE) return '∞';
  return Math.abs(score) >= 1e5 ? score.toExponential(2) : String(Number(score.toPrecision(4)));
}
