import { useApolloClient } from '@apollo/client/react';
import { memo, useEffect, useRef, useSyncExternalStore } from 'react';
import { formatCount, formatNumber, formatSeconds } from '../../lib/format.js';
import { announce } from '../../parts/page-title.js';
import { ProgressBar } from '../../parts/waiting.js';
import { UploadStateText } from './upload-state-text.js';
import {
  clearEnded,
  currentUploads,
  forgetDeleted,
  hasEnded,
  pausedSeconds,
  retryUploads,
  stopWaiting,
  subscribe,
  type Upload,
} from './uploads.js';

interface UploadListProps {
  /** Under a filter the list does not show by itself what was added. */
  readonly filtered: boolean;
  readonly onAdded: () => void;
}

/** Every file with its own progress, and what became of it. Nothing where nothing was added. */
export function UploadList({ filtered, onAdded }: UploadListProps) {
  const client = useApolloClient();
  const uploads = useSyncExternalStore(subscribe, currentUploads);
  useEffect(() => {
    void forgetDeleted(client, currentUploads());
  }, [client]);
  const ended = uploads.filter(({ state }) => hasEnded(state));
  const failed = uploads.filter(({ state }) => state.kind === 'failed');
  const stored = uploads.filter(({ state }) => state.kind === 'stored' && state.created).length;
  const paused = useSyncExternalStore(subscribe, pausedSeconds);
  const busy = ended.length < uploads.length;
  const wasBusy = useRef(busy);
  useEffect(() => {
    if (wasBusy.current && !busy) {
      announce(summary(stored, uploads.length - stored - failed.length, failed.length));
      if (filtered && stored > 0) onAdded();
    }
    wasBusy.current = busy;
  }, [busy, stored, uploads.length, failed.length, filtered, onAdded]);
  if (uploads.length === 0) return null;
  const retry = (ids: readonly Upload[]): void => {
    retryUploads(client, new Set(ids.map(({ id }) => id)));
  };
  const retryable = failed.filter(({ state }) => state.kind === 'failed' && state.error.retryable);
  return (
    <section className="uploads" aria-labelledby="uploads">
      <div className="uploads__head">
        <h2 id="uploads">Adding pictures</h2>
        <p className="uploads__summary">
          {busy
            ? `${formatNumber(ended.length)} of ${formatNumber(uploads.length)} done${paused > 0 ? `. The server asks to wait: it goes on in ${formatSeconds(paused)}` : ''}`
            : summary(stored, uploads.length - stored - failed.length, failed.length)}
        </p>
        <div className="uploads__actions">
          {retryable.length > 1 ? (
            <button
              type="button"
              className="button"
              onClick={() => {
                retry(retryable);
              }}
            >
              Try {formatNumber(retryable.length)} again
            </button>
          ) : null}
          {uploads.some(({ state }) => state.kind === 'waiting') ? (
            <button type="button" className="button" onClick={stopWaiting}>
              Stop
            </button>
          ) : null}
          {ended.length > 0 ? (
            <button type="button" className="button" onClick={clearEnded}>
              Clear the list
            </button>
          ) : null}
        </div>
      </div>
      {/* It stays at its end: nothing below it moves. */}
      <ProgressBar label="All together" done={shareOf(uploads)} />
      <ul className="uploads__list" tabIndex={0} aria-labelledby="uploads">
        {uploads.map((upload) => (
          <UploadRow
            key={upload.id}
            upload={upload}
            onRetry={() => {
              retry([upload]);
            }}
          />
        ))}
      </ul>
    </section>
  );
}

interface UploadRowProps {
  readonly upload: Upload;
  readonly onRetry: () => void;
}

/** Drawn anew only where its own upload changed: a folder holds thousands. */
const UploadRow = memo(
  function UploadRow({ upload: { path, file, state }, onRetry }: UploadRowProps) {
    return (
      <li className={`upload upload--${state.kind}`}>
        <p className="upload__name" title={path}>
          <bdi>{path}</bdi>
        </p>
        <div className="upload__state">
          <UploadStateText state={state} name={path} sizeBytes={file.size} />
        </div>
        {state.kind === 'failed' ? (
          <button type="button" className="button upload__retry" aria-label={`Try again: ${path}`} onClick={onRetry}>
            Try again
          </button>
        ) : null}
      </li>
    );
  },
  (before, after) => before.upload === after.upload,
);

/** Of all files alike, large or small: how long one takes is mostly the model's work. */
function shareOf(uploads: readonly Upload[]): number {
  const done = uploads.reduce((sum, { state }) => {
    if (hasEnded(state)) return sum + 1;
    return state.kind === 'sending' ? sum + state.sent / 2 : sum;
  }, 0);
  return done / uploads.length;
}

function summary(stored: number, known: number, failed: number): string {
  const parts = [
    `${formatCount(stored, 'picture')} stored`,
    ...(known > 0 ? [`${formatNumber(known)} known already`] : []),
    ...(failed > 0 ? [`${formatNumber(failed)} failed`] : []),
  ];
  return parts.join(', ');
}
