import { lazy, Suspense } from 'react';
import { Route, Switch } from 'wouter';
import { paths } from './lib/paths.js';
import { useRouteFocus } from './lib/use-route-focus.js';
import { ErrorBoundary } from './parts/error-boundary.js';
import { FileDrop } from './parts/file-drop.js';
import { Header } from './parts/header.js';
import { PageAnnouncer } from './parts/page-title.js';
import { Waiting } from './parts/waiting.js';
import { SearchOnDrop } from './views/search/search-on-drop.js';
import { SearchView } from './views/search/search-view.js';

// Search is what the page opens with; the others come when they are asked for.
const ImageView = lazy(() => import('./views/image/image-view.js'));
const StatusView = lazy(() => import('./views/status/status-view.js'));
const GalleryView = lazy(() => import('./views/gallery/gallery-view.js'));
const CompareView = lazy(() => import('./views/compare/compare-view.js'));
const NotFoundView = lazy(() => import('./views/not-found/not-found-view.js'));

export function App() {
  const { main, location } = useRouteFocus();
  return (
    <FileDrop>
      <a className="skip-link" href="#main">
        Skip to content
      </a>
      <Header />
      <SearchOnDrop />
      <main id="main" ref={main} tabIndex={-1} className="page">
        {/* A view that fails leaves the navigation standing, and the next view starts afresh. */}
        <ErrorBoundary key={location}>
          <Suspense fallback={<Waiting label="Loading the page" />}>
            <Switch>
              <Route path={paths.start}>
                <SearchView imageId={undefined} />
              </Route>
              <Route path={paths.upload}>
                <SearchView imageId={undefined} />
              </Route>
              <Route path="/search/:imageId">{({ imageId }) => <SearchView imageId={imageId} />}</Route>
              <Route path="/image/:imageId">{({ imageId }) => <ImageView imageId={imageId} />}</Route>
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
          </Suspense>
        </ErrorBoundary>
      </main>
      <PageAnnouncer />
    </FileDrop>
  );
}
