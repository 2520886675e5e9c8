/** What was stored with an image, one row a key, always as text. Nothing where it is empty. */
export function Metadata({ metadata }: { readonly metadata: unknown }) {
  if (typeof metadata !== 'object' || metadata === null) return null;
  const entries = Object.entries(metadata);
  if (entries.length === 0) return null;
  return (
    <section aria-labelledby="metadata">
      <h2 id="metadata">Metadata</h2>
      <dl className="facts">
        {entries.map(([key, value]) => (
          <div key={key}>
            <dt>
              <bdi>{key}</bdi>
            </dt>
            <dd>
              <bdi>{typeof value === 'string' ? value : JSON.stringify(value, undefined, 2)}</bdi>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
