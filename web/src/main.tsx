import { ApolloProvider } from '@apollo/client/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Router } from 'wouter';
import { App } from './app.js';
import { createClient } from './client.js';
import { pathPrefix } from './lib/path-prefix.js';
import { ErrorBoundary } from './parts/error-boundary.js';
import './styles/tokens.css';
import './styles/base.css';
import './styles/parts.css';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <ErrorBoundary>
      <ApolloProvider client={createClient()}>
        <Router base={pathPrefix}>
          <App />
        </Router>
      </ApolloProvider>
    </ErrorBoundary>
  </StrictMode>,
);
