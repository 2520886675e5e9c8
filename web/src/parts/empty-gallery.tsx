import { skipToken, useMutation, useQuery } from '@apollo/client/react';
import { useEffect, type ReactNode } from 'react';
import { Link } from 'wouter';
import {
  LoadSampleDocument,
  SampleJobProgressDocument,
  SampleJobsDocument,
  type SampleJobFragment,
} from '../generated/graphql.js';
import { describeCode } from '../lib/describe-error.js';
import { paths } from '../lib/paths.js';
import { useMay } from '../lib/rights.js';
import { RightsNote } from './access/rights-note.js';
import { DescribedErrorNote } from './described-error-note.js';
import { ErrorNote } from './error-note.js';
import { ProgressBar } from './waiting.js';

const pollMs = 500;

interface EmptyGalleryProps {
  /** Once the sample pictures are stored. */
  readonly onLoaded: () => void;
  /** The way to pictures of one's own; a link to the gallery unless given. */
  readonly children?: ReactNode;
}

const toGallery = (
  <Link href={paths.gallery} className="button">
    Add pictures of your own
  </Link>
);

/** What to do before anything can be found. */
export function EmptyGallery({ onLoaded, children = toGallery }: EmptyGalleryProps) {
  const known = useQuery(SampleJobsDocument, { fetchPolicy: 'network-only' });
  const [loadSample, { data, loading, error }] = useMutation(LoadSampleDocument);
  const begun = data?.loadSample ?? known.data?.jobs.find(isLoading);
  const { data: polled, error: pollError } = useQuery(
    SampleJobProgressDocument,
    begun === undefined
      ? skipToken
      : { variables: { id: begun.id }, pollInterval: pollMs, skipPollAttempt: () => document.hidden },
  );
  const mayLoad = useMay('write');
  const job = polled?.job ?? begun;
  const isDone = job?.state === 'DONE';
  useEffect(() => {
    if (isDone) onLoaded();
  }, [isDone, onLoaded]);
  const load = (): void => {
    loadSample().catch(() => undefined);
  };
  return (
    <section className="empty" aria-labelledby="empty">
      <h2 id="empty">The gallery is empty</h2>
      <p>
        Pictures are searched for among those that are stored here. Add some of your own, or try it with a few hundred
        drawings of balloons, fish, faces and more: they take about half a minute.
      </p>
      {job !== undefined && (isLoading(job) || isDone) ? (
        <div className="empty__progress">
          <ProgressBar
            label={job.stage === '' ? 'Waiting for the server' : 'Drawing and storing'}
            done={shareOf(job)}
          />
        </div>
      ) : (
        <div className="empty__actions">
          <button type="button" className="button button--primary" onClick={load} disabled={loading || !mayLoad}>
            Load the sample gallery
          </button>
          {children}
        </div>
      )}
      {mayLoad ? null : <RightsNote needs="write" what="load the sample gallery" />}
      {error === undefined || !mayLoad ? null : <ErrorNote error={error} onRetry={load} />}
      {pollError === undefined ? null : <ErrorNote error={pollError} />}
      {job?.state === 'FAILED' ? (
        <DescribedErrorNote described={describeCode(job.error?.code ?? '', job.error?.message)} onRetry={load} />
      ) : null}
      {job?.state === 'CANCELLED' ? <p className="note">The loading was cancelled. What it had stored stays.</p> : null}
    </section>
  );
}

function isLoading({ kind, state }: SampleJobFragment): boolean {
  return kind === 'LOAD_SAMPLE' && (state === 'QUEUED' || state === 'RUNNING');
}

/** Undefined where the end is not known. */
function shareOf({ state, done, total }: SampleJobFragment): number | undefined {
  if (state === 'DONE') return 1;
  return total > 0 ? done / total : undefined;
}
