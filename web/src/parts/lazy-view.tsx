import { useEffect, useState, type ComponentType } from 'react';
import { DescribedErrorNote } from './described-error-note.js';
import { Waiting } from './waiting.js';

type Load<Props> = () => Promise<{ readonly default: ComponentType<Props> }>;

const loads = new Set<() => Promise<unknown>>();

/** A view whose script comes when it is first shown. Unlike React.lazy, one that did not come can be asked for again. */
export function lazyView<Props extends object>(load: Load<Props>): ComponentType<Props> {
  let loaded: ComponentType<Props> | undefined;
  loads.add(load);
  return function LazyView(props: Props) {
    const [View, setView] = useState(() => loaded);
    const [failed, setFailed] = useState(false);
    const waits = View === undefined && !failed;
    useEffect(() => {
      if (!waits) return;
      load().then(
        (module) => {
          loaded = module.default;
          setView(() => module.default);
        },
        () => {
          setFailed(true);
        },
      );
    }, [waits]);
    if (View !== undefined) return <View {...props} />;
    if (!failed) return <Waiting label="Loading the page" />;
    return (
      <DescribedErrorNote
        described={notLoaded}
        onRetry={() => {
          setFailed(false);
        }}
      />
    );
  };
}

/** Fetches the scripts of all views, so that none is missing where the server goes away later. */
export function prefetchViews(): void {
  for (const load of loads) load().catch(() => undefined);
}

const notLoaded = {
  title: 'This part of the page could not be loaded',
  advice: 'Check that the server is running, then try again. If it was updated, reload the page.',
  retryable: true,
  code: undefined,
  detail: undefined,
  requestId: undefined,
};
