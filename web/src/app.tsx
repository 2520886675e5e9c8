import { useEffect } from 'react';
import { Route, Switch } from 'wouter';
import { useAccess } from './lib/access.js';
import { paths } from './lib/paths.js';
import { useRouteFocus } from './lib/use-route-focus.js';
import { SignInView } from './parts/access/sign-in-view.js';
import { ErrorBoundary } from './parts/error-boundary.js';
import { FileDrop } from './parts/file-drop.js';
import { Header } from './parts/header.js';
import { lazyView, prefetchViews } from './parts/lazy-view.js';
import { PageAnnouncer } from './parts/page-title.js';
import { SearchOnDrop } from './views/search/search-on-drop.js';
import { SearchView } from './views/search/search-view.js';

// Search is what the page opens with; the others come when they are asked for.
const ImageView = lazyView(() => import('./views/image/image-view.js'));
const StatusView = lazyView(() => import('./views/status/status-view.js'));
const GalleryView = lazyView(() => import('./views/gallery/gallery-view.js'));
const CompareView = lazyView(() => import('./views/compare/compare-view.js'));
const NotFoundView = lazyView(() => import('./views/not-found/not-found-view.js'));

const prefetchDelayMs = 1500;

export function App() {
  const { main, location } = useRouteFocus();
  const { refusal } = useAccess();
  useEffect(() => {
    // After the first view has what it needs.
    const timer = setTimeout(prefetchViews, prefetchDelayMs);
    return () => {
      clearTimeout(timer);
    };
  }, []);
  return (
    <FileDrop>
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <Header />
      <SearchOnDrop />
      <main id="main" ref={main} tabIndex={-1} className="page">
        {/* A view that fails leaves the navigation standing, and the next view starts afresh. */}
        <ErrorBoundary resetKey={location}>
          {refusal === undefined ? <Views /> : <SignInView refusal={refusal} />}
        </ErrorBoundary>
      </main>
      <PageAnnouncer />
    </FileDrop>
  );
}

function Views() {
  return (
    <Switch>
      <Route path={paths.start}>
        <SearchView imageId={undefined} />
      </Route>
      <Route path={paths.upload}>
        <SearchView imageId={undefined} />
      </Route>
      <Route path="/search/:imageId">{({ imageId }) => <SearchView imageId={imageId} />}</Route>
      <Route path="/image/:imageId">{({ imageId }) => <ImageView key={imageId} imageId={imageId} />}</Route>
      <Route path={paths.gallery}>
        <GalleryView />
      </Route>
      <Route path={paths.compare}>
        <CompareView />
      </Route>
      <Route path={paths.status}>
        <StatusView />
      </Route>
      <Route>
        <NotFoundView />
      </Route>
    </Switch>
  );
}
