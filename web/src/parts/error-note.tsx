import type { ReactNode } from 'react';
import { describeError } from '../lib/describe-error.js';
import { AccessButton } from './access/access-button.js';
import { DescribedErrorNote } from './described-error-note.js';

interface ErrorNoteProps {
  readonly error: unknown;
  readonly onRetry?: (() => void) | undefined;
  /** Other ways on, as links or buttons. */
  readonly children?: ReactNode;
}

/** The same for whatever a request failed with; where credentials would help, it asks for them. */
export function ErrorNote({ error, onRetry, children }: ErrorNoteProps) {
  const described = describeError(error);
  const actions =
    described.neededScope === undefined ? (
      children
    ) : (
      <>
        <AccessButton label="Sign in" />
        {children}
      </>
    );
  return <DescribedErrorNote described={described} onRetry={onRetry} actions={actions} />;
}
