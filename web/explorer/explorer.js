/* global clearTimeout, document, fetch, FormData, Headers, sessionStorage, setTimeout, URL, window */
// The page at /graphql: Apollo Sandbox, or GraphiQL from this server where Apollo's cannot be reached in time, or where
// keys are used: no script of another host runs in a tab that holds one.
import { examples } from './examples.js';

const sandboxScript = 'https://embeddable-sandbox.cdn.apollographql.com/v2/embeddable-sandbox.umd.production.min.js';
const sandboxTimeoutMs = 2000;
// A proxy may serve all of it under a path of its own.
const assets = new URL('.', import.meta.url).href;
const endpoint = new URL('../../graphql', assets).href;
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

/** As the page at / keeps it, for this tab alone. */
const credentialKey = 'semblance.credential';
const credentialField = document.querySelector('#credential');
try {
  credentialField.value = sessionStorage.getItem(credentialKey) ?? '';
} catch {
  // Storage may be forbidden; then the key lasts as long as the page.
}

function keepCredential() {
  const credential = credentialField.value.trim();
  try {
    if (credential === '') sessionStorage.removeItem(credentialKey);
    else sessionStorage.setItem(credentialKey, credential);
  } catch {
    // As above.
  }
}

/** fetch with the key of the field, unless the headers editor has another. */
function fetchWithCredential(url, options) {
  const headers = new Headers(options.headers);
  const credential = credentialField.value.trim();
  if (credential !== '' && !headers.has('Authorization')) headers.set('Authorization', `Bearer ${credential}`);
  return fetch(url, { ...options, headers });
}

async function usesKeys() {
  if (credentialField.value !== '') return true;
  const headers = { ...preflightHeaders, 'Content-Type': 'application/json' };
  const response = await fetch(endpoint, { method: 'POST', headers, body: '{"query":"{ __typename }"}' });
  return response.status === 401;
}

async function openSandbox() {
  if (await usesKeys()) throw new Error('Keys are used here');
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
  loadStyle(`${assets}graphiql.css`);
  await loadScript(`${assets}react.js`);
  await loadScript(`${assets}react-dom.js`);
  await loadScript(`${assets}graphiql.js`);
  const { React, ReactDOM, GraphiQL } = window;
  const root = ReactDOM.createRoot(document.querySelector('#graphiql'));
  const fetchPlain = GraphiQL.createFetcher({ url: endpoint, headers: preflightHeaders, fetch: fetchWithCredential });
  const render = () => {
    root.render(
      React.createElement(GraphiQL, {
        // It asks for the schema when it begins, which takes the key.
        key: credentialField.value,
        fetcher: (operation, options) =>
          uploadVariables(operation.query).length > 0
            ? fetchWithFiles(operation, chosenFiles(), options?.headers)
            : fetchPlain(operation, options),
        ...chosenExample(),
        defaultEditorToolsVisibility: 'variables',
        defaultHeaders: JSON.stringify(preflightHeaders, null, 2),
        defaultQuery: firstQuery,
        shouldPersistHeaders: false,
      }),
    );
  };
  credentialField.addEventListener('change', () => {
    keepCredential();
    render();
  });
  exampleField.addEventListener('change', render);
  render();
}

const exampleField = document.querySelector('#example');
for (const kind of ['Query', 'Mutation']) {
  const group = document.createElement('optgroup');
  group.label = kind;
  for (const { field } of examples.filter((each) => each.kind === kind)) {
    group.append(new window.Option(field, field));
  }
  exampleField.append(group);
}

/** What GraphiQL shows; nothing of it until one is chosen, and then until another one is. */
function chosenExample() {
  const example = examples.find(({ field }) => field === exampleField.value);
  if (example === undefined) return {};
  const { query, variables } = example;
  return { query, variables: variables === undefined ? '' : JSON.stringify(variables, null, 2) };
}

const uploadForm = document.querySelector('#upload');

function chosenFiles() {
  return [...uploadForm.elements.file.files];
}

/** The variables of an operation that hold a file or a list of files. */
function uploadVariables(query) {
  return [...query.matchAll(/\$(\w+)\s*:\s*(\[?)\s*Upload\b/g)].map(([, name, list]) => ({
    name,
    isList: list !== '',
  }));
}

/**
 * As the GraphQL multipart request specification has it: GraphiQL itself sends no files.
 * @returns the answer, as a fetcher of GraphiQL gives it
 */
async function fetchWithFiles({ query, operationName, variables }, files, headers) {
  const uploads = uploadVariables(query);
  if (files.length === 0)
    return { errors: [{ message: `Choose a file above first: it is sent as $${uploads[0].name}.` }] };
  const sent = { ...variables };
  const paths = [];
  for (const { name, isList } of uploads) {
    sent[name] = isList ? files.map(() => null) : null;
    const some = isList ? files : files.slice(0, 1);
    paths.push(...some.map((file, index) => ({ file, path: `variables.${name}${isList ? `.${index}` : ''}` })));
  }
  const body = new FormData();
  body.append('operations', JSON.stringify({ query, operationName, variables: sent }));
  body.append('map', JSON.stringify(Object.fromEntries(paths.map(({ path }, index) => [index, [path]]))));
  paths.forEach(({ file }, index) => body.append(String(index), file));
  const response = await fetchWithCredential(endpoint, {
    method: 'POST',
    headers: { ...headers, ...preflightHeaders },
    body,
  });
  return response.json();
}

/** Stores all files that are chosen, one request a file. */
async function upload(form) {
  const output = form.querySelector('output');
  output.textContent = 'Uploading …';
  try {
    const metadataText = form.elements.metadata.value.trim();
    const metadata = metadataText === '' ? null : JSON.parse(metadataText);
    const stored = [];
    for (const file of chosenFiles()) {
      const { data, errors } = await fetchWithFiles({ query: uploadMutation, variables: { metadata } }, [file]);
      if (errors !== undefined) throw new Error(`${file.name}: ${errors[0].extensions?.code}: ${errors[0].message}`);
      const { image, created } = data.uploadImage;
      const thumbnail = document.createElement('img');
      thumbnail.src = image.thumbnailUrl;
      thumbnail.alt = image.filename;
      stored.push(thumbnail, `${created ? 'stored' : 'known already'}: ${image.id}`);
    }
    output.replaceChildren(...stored);
  } catch (error) {
    output.textContent = error.message;
  }
}

uploadForm.addEventListener('submit', (event) => {
  event.preventDefault();
  void upload(uploadForm);
});

openSandbox().catch(openGraphiql);
