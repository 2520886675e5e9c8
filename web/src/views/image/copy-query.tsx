import { useState } from 'react';
import { copyText } from '../../lib/copy-text.js';

/** The query behind this view, to paste into /graphql or a program. */
export function CopyQuery({ imageId }: { readonly imageId: string }) {
  const [outcome, setOutcome] = useState<'copied' | 'refused'>();
  const query = queryOf(imageId);
  return (
    <section aria-labelledby="query">
      <h2 id="query">GraphQL</h2>
      <details className="query-text">
        <summary>Show the query of this page</summary>
        <pre tabIndex={0} aria-label="The query">
          {query}
        </pre>
      </details>
      <button
        type="button"
        className="button"
        onClick={() => {
          void copyText(query).then((copied) => {
            setOutcome(copied ? 'copied' : 'refused');
          });
        }}
      >
        Copy the query
      </button>{' '}
      <span role="status" className="muted">
        {outcome === 'copied' ? 'Copied.' : null}
        {outcome === 'refused' ? 'The browser did not allow it: open the query above and copy it there.' : null}
      </span>
    </section>
  );
}

function queryOf(imageId: string): string {
  return `query {
  image(id: ${JSON.stringify(imageId)}) {
    filename
    mediaType
    width
    height
    byteSize
    sha256
    metadata
    createdAt
    url
    renditionUrl
    similarImages(k: 10) {
      rank
      similarity
      image {
        id
        filename
        thumbnailUrl
      }
    }
  }
}
`;
}
