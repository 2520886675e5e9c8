import { useState } from 'react';
import type { ImageDetailQuery } from '../../generated/graphql.js';
import { fetchBytes } from '../../lib/fetch-bytes.js';
import { ErrorNote } from '../../parts/error-note.js';

type Detail = NonNullable<ImageDetailQuery['image']>;

/** The original as it was stored. A link alone would send no credentials, and could not say why it failed. */
export function Download({ image }: { readonly image: Detail }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const download = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      save(await fetchBytes(image.url), image.filename);
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };
  return (
    <>
      <a
        href={image.url}
        download={image.filename}
        className="button"
        aria-busy={busy}
        onClick={(event) => {
          event.preventDefault();
          if (!busy) void download();
        }}
      >
        Download
      </a>
      {error === undefined ? null : <ErrorNote error={error} onRetry={() => void download()} />}
    </>
  );
}

function save(bytes: Blob, filename: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(bytes);
  link.download = filename;
  link.click();
  // The browser reads it after the click.
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 60_000);
}
