import { useQuery } from '@apollo/client/react';
import { Link } from 'wouter';
import { ServerStatusDocument, type ServerStatusQuery, type SpaceState, type Store } from '../../generated/graphql.js';
import { formatMs, formatNumber } from '../../lib/format.js';
import { paths } from '../../lib/paths.js';
import { totalMs, useLastSearchTimes, type SearchTimes } from '../../lib/search-times.js';
import { ErrorNote } from '../../parts/error-note.js';
import { usePageTitle } from '../../parts/page-title.js';
import { Waiting } from '../../parts/waiting.js';
import './status.css';

const stores: Readonly<Record<Store, string>> = {
  EMBEDDED: 'Embedded Postgres, in the data folder',
  MEMORY: 'Embedded Postgres, in memory: gone when the server stops',
  SERVER: 'Postgres server',
};

const states: Readonly<Record<SpaceState, string>> = {
  ACTIVE: 'Active',
  READY: 'Ready',
  BUILDING: 'Being built',
  RETIRED: 'Retired',
};

export default function StatusView() {
  usePageTitle('Status');
  const { data, error, loading, refetch } = useQuery(ServerStatusDocument, { fetchPolicy: 'cache-and-network' });
  return (
    <div className="status">
      <h1>Status</h1>
      {error === undefined ? null : <ErrorNote error={error} onRetry={() => void refetch().catch(() => undefined)} />}
      {data === undefined && loading ? <Waiting label="Asking the server" /> : null}
      {data === undefined ? null : <ServerFacts status={data.status} />}
      {data === undefined && error === undefined ? null : <LastSearch />}
      {data === undefined ? null : <Spaces spaces={data.methods.spaces} />}
    </div>
  );
}

function ServerFacts({ status }: { readonly status: ServerStatusQuery['status'] }) {
  return (
    <dl className="cards">
      <div className="card">
        <dt>Pictures</dt>
        <dd className="card__number">{formatNumber(status.imageCount)}</dd>
      </div>
      <div className="card">
        <dt>Active model</dt>
        <dd>{status.model}</dd>
        <dd className="muted">
          Space “{status.activeSpace}”, {formatNumber(status.dimensions)} numbers a picture
        </dd>
      </div>
      <div className="card">
        <dt>Store</dt>
        <dd>{stores[status.store]}</dd>
      </div>
      <div className="card">
        <dt>Version</dt>
        <dd>Semblance {status.version}</dd>
      </div>
    </dl>
  );
}

function LastSearch() {
  const times = useLastSearchTimes();
  return (
    <section aria-labelledby="last-search">
      <h2 id="last-search">Last search</h2>
      {times === undefined ? (
        <p className="muted">
          None in this tab yet. <Link href={paths.start}>Search for a picture</Link>, and its times stand here.
        </p>
      ) : (
        <SearchTimesBar times={times} />
      )}
    </section>
  );
}

function SearchTimesBar({ times }: { readonly times: SearchTimes }) {
  const parts = [
    { name: 'Embedding', className: 'times__part--embed', ms: times.embedMs },
    { name: 'Database', className: 'times__part--database', ms: times.databaseMs },
    { name: 'Re-ranking', className: 'times__part--rerank', ms: times.rerankMs },
  ];
  return (
    <>
      <p>
        <strong>{formatMs(totalMs(times))}</strong> in the server, in space “{times.space}”,{' '}
        {times.mode === 'hnsw' ? 'by the index' : 'compared with every picture'}
      </p>
      <div className="times" aria-hidden="true">
        {parts
          .filter(({ ms }) => ms > 0)
          .map(({ name, className, ms }) => (
            <span key={name} className={`times__part ${className}`} style={{ flexGrow: ms }} />
          ))}
      </div>
      <dl className="times__legend">
        {parts.map(({ name, className, ms }) => (
          <div key={name}>
            <dt>
              <span className={`times__dot ${className}`} aria-hidden="true" />
              {name}
            </dt>
            <dd>{formatMs(ms)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Spaces({ spaces }: { readonly spaces: ServerStatusQuery['methods']['spaces'] }) {
  return (
    <section aria-labelledby="spaces">
      <h2 id="spaces">Embedding spaces</h2>
      <div className="table" role="group" aria-labelledby="spaces" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">State</th>
              <th scope="col">Model</th>
              <th scope="col" className="number">
                Dimensions
              </th>
              <th scope="col" className="number">
                Pictures
              </th>
              <th scope="col" className="number">
                Parts
              </th>
            </tr>
          </thead>
          <tbody>
            {spaces.map((space) => (
              <tr key={space.name}>
                <th scope="row">{space.name}</th>
                <td>{states[space.state]}</td>
                <td>{space.model}</td>
                <td className="number">{formatNumber(space.dimensions)}</td>
                <td className="number">{formatNumber(space.imageCount)}</td>
                <td className="number">{formatNumber(space.regionCount)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
