import type { ReactNode } from 'react';
import type { DescribedError } from '../lib/describe-error.js';

interface DescribedErrorNoteProps {
  readonly described: DescribedError;
  readonly onRetry?: (() => void) | undefined;
  readonly actions?: ReactNode;
}

/** What happened and what to do, beside whatever of the page still works. */
export function DescribedErrorNote({ described, onRetry, actions }: DescribedErrorNoteProps) {
  const { title, advice, detail, requestId, retryable } = described;
  const retry = retryable && onRetry !== undefined;
  return (
    <div className="note note--error" role="alert">
      <p className="note__title">{title}</p>
      {detail === undefined || detail === '' ? null : <p className="note__detail">{detail}</p>}
      <p>{advice}</p>
      {requestId === undefined ? null : (
        <p className="note__detail">
          Number of the request: <code>{requestId}</code>
        </p>
      )}
      {retry || actions !== undefined ? (
        <div className="note__actions">
          {retry ? (
            <button type="button" className="button" onClick={onRetry}>
              Try again
            </button>
          ) : null}
          {actions}
        </div>
      ) : null}
    </div>
  );
}
