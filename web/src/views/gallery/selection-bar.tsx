import { useApolloClient } from '@apollo/client/react';
import type { ApolloClient } from '@apollo/client';
import { useState } from 'react';
import { forgetImage } from '../../client.js';
import { DeleteImageDocument, type GalleryImageFragment, type ImageFilter } from '../../generated/graphql.js';
import { describeError } from '../../lib/describe-error.js';
import { formatCount, formatNumber } from '../../lib/format.js';
import { Caption } from '../../parts/caption.js';
import { ConfirmDialog } from '../../parts/confirm-dialog.js';
import { ErrorNote } from '../../parts/error-note.js';
import { announce } from '../../parts/page-title.js';
import { ProgressBar } from '../../parts/waiting.js';
import { removeFromGallery } from './use-gallery.js';

const maxConcurrent = 4;
const namesShown = 5;

interface SelectionBarProps {
  readonly images: readonly GalleryImageFragment[];
  readonly filter: ImageFilter;
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (selected: ReadonlySet<string> | undefined) => void;
}

/** What can be done with the selected pictures; stays in view. */
export function SelectionBar({ images, filter, selected, onSelect }: SelectionBarProps) {
  const client = useApolloClient();
  const [asking, setAsking] = useState(false);
  const [done, setDone] = useState<number>();
  const [error, setError] = useState<unknown>();
  const chosen = images.filter(({ id }) => selected.has(id));
  const confirm = async (): Promise<void> => {
    setError(undefined);
    setDone(0);
    const failure = await deleteAll(client, chosen, (id) => {
      removeFromGallery(client, filter, new Set([id]));
      forgetImage(client, id);
      setDone((count = 0) => count + 1);
    });
    setDone(undefined);
    setError(failure);
    if (failure !== undefined) return;
    announce(`${formatCount(chosen.length, 'picture')} deleted`);
    setAsking(false);
    onSelect(undefined);
  };
  return (
    <div className="selection" role="region" aria-label="Selection">
      <p className="selection__count" role="status">
        {selected.size === 0 ? 'Nothing selected' : `${formatNumber(selected.size)} selected`}
      </p>
      <button
        type="button"
        className="button"
        onClick={() => {
          onSelect(selected.size === images.length ? new Set() : new Set(images.map(({ id }) => id)));
        }}
      >
        {selected.size === images.length ? 'Select none' : `Select all ${formatNumber(images.length)} loaded`}
      </button>
      <button
        type="button"
        className="button button--danger"
        disabled={selected.size === 0}
        onClick={() => {
          setError(undefined);
          setAsking(true);
        }}
      >
        Delete
      </button>
      <button
        type="button"
        className="button"
        onClick={() => {
          onSelect(undefined);
        }}
      >
        Done
      </button>
      {asking ? (
        <ConfirmDialog
          title={`Delete ${formatCount(chosen.length, 'picture')}?`}
          confirmLabel={done === undefined ? 'Delete' : 'Deleting…'}
          busy={done !== undefined}
          onConfirm={() => void confirm()}
          onCancel={() => {
            setAsking(false);
          }}
        >
          <ul className="selection__names">
            {chosen.slice(0, namesShown).map(({ id, filename, metadata }) => (
              <li key={id}>
                <bdi>{filename}</bdi> <Caption metadata={metadata} className="muted" />
              </li>
            ))}
            {chosen.length > namesShown ? <li>and {formatNumber(chosen.length - namesShown)} more</li> : null}
          </ul>
          <p>They are removed from the gallery and from every search. This cannot be undone.</p>
          {done === undefined ? null : (
            <ProgressBar label={`${formatNumber(done)} deleted`} done={done / (done + chosen.length)} />
          )}
          {error === undefined ? null : <ErrorNote error={error} />}
        </ConfirmDialog>
      ) : null}
    </div>
  );
}

/** A few at a time; stops at the first failure, which it answers. What somebody else deleted before counts as deleted. */
async function deleteAll(
  client: ApolloClient,
  images: readonly { readonly id: string }[],
  onDeleted: (id: string) => void,
): Promise<unknown> {
  const left = [...images];
  let failure: unknown;
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined && failure === undefined; next = left.shift()) {
      try {
        await client.mutate({ mutation: DeleteImageDocument, variables: { id: next.id } });
      } catch (error) {
        if (describeError(error).code !== 'NOT_FOUND') {
          failure = error;
          return;
        }
      }
      onDeleted(next.id);
    }
  };
  await Promise.all(Array.from({ length: maxConcurrent }, work));
  return failure;
}
