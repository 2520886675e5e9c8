/* global clearTimeout, document, fetch, FormData, setTimeout, URL, window */
// The page at /graphql: Apollo Sandbox, or GraphiQL from this server where Apollo's cannot be reached in time.

const sandboxScript = 'https://embeddable-sandbox.cdn.apollographql.com/v2/embeddable-sandbox.umd.production.min.js';
const sandboxTimeoutMs = 2000;
const endpoint = new URL('/graphql', window.location.href).href;
/** Uploads are refused without it: no other page can send it. */
const preflightHeaders = { 'Apollo-Require-Preflight': 'true' };

const firstQuery = `# The newest images, each with those that look most like it.
query Newest {
  images(first: 5) {
    totalCount
    edges {
      node {
        id
        filename
        thumbnailUrl
        similarImages(k: 3) {
          rank
          similarity
          image {
            filename
          }
        }
      }
    }
  }
}
`;

const uploadMutation = `mutation Upload($file: Upload!, $metadata: JSON) {
  uploadImage(file: $file, metadata: $metadata) {
    created
    image {
      id
      filename
      thumbnailUrl
    }
  }
}`;

function loadScript(src, timeoutMs) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    const fail = () => {
      script.remove();
      reject(new Error(`${src} could not be loaded`));
    };
    const timer = timeoutMs === undefined ? undefined : setTimeout(fail, timeoutMs);
    script.src = src;
    script.onload = () => {
      clearTimeout(timer);
      resolve();
    };
    script.onerror = () => {
      clearTimeout(timer);
      fail();
    };
    document.head.append(script);
  });
}

function loadStyle(href) {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = href;
  document.head.append(link);
}

async function openSandbox() {
  await loadScript(sandboxScript, sandboxTimeoutMs);
  new window.EmbeddedSandbox({
    target: '#sandbox',
    initialEndpoint: endpoint,
    endpointIsEditable: false,
    initialState: { document: firstQuery, sharedHeaders: preflightHeaders, includeCookies: false },
  });
}

async function openGraphiql() {
  document.querySelector('#sandbox').hidden = true;
  document.querySelector('#offline').hidden = false;
  loadStyle('/graphql/assets/graphiql.css');
  await loadScript('/graphql/assets/react.js');
  await loadScript('/graphql/assets/react-dom.js');
  await loadScript('/graphql/assets/graphiql.js');
  const { React, ReactDOM, GraphiQL } = window;
  ReactDOM.createRoot(document.querySelector('#graphiql')).render(
    React.createElement(GraphiQL, {
      fetcher: GraphiQL.createFetcher({ url: endpoint, headers: preflightHeaders }),
      defaultHeaders: JSON.stringify(preflightHeaders, null, 2),
      defaultQuery: firstQuery,
      shouldPersistHeaders: false,
    }),
  );
}

/** GraphiQL sends no files: this form does, as any client would. */
async function upload(form) {
  const output = form.querySelector('output');
  output.textContent = 'Uploading …';
  try {
    const metadataText = form.elements.metadata.value.trim();
    const metadata = metadataText === '' ? null : JSON.parse(metadataText);
    const body = new FormData();
    body.append('operations', JSON.stringify({ query: uploadMutation, variables: { file: null, metadata } }));
    body.append('map', JSON.stringify({ 0: ['variables.file'] }));
    body.append('0', form.elements.file.files[0]);
    const response = await fetch(endpoint, { method: 'POST', headers: preflightHeaders, body });
    const { data, errors } = await response.json();
    if (errors !== undefined) throw new Error(`${errors[0].extensions?.code}: ${errors[0].message}`);
    const { image, created } = data.uploadImage;
    const thumbnail = document.createElement('img');
    thumbnail.src = image.thumbnailUrl;
    thumbnail.alt = image.filename;
    output.replaceChildren(thumbnail, `${created ? 'stored' : 'known already'}: ${image.id}`);
  } catch (error) {
    output.textContent = error.message;
  }
}

document.querySelector('#upload').addEventListener('submit', (event) => {
  event.preventDefault();
  void upload(event.currentTarget);
});

openSandbox().catch(openGraphiql);
