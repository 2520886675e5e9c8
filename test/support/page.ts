import type { Browser, BrowserContextOptions, Page, Request } from 'playwright-core';

export interface OpenPage {
  readonly page: Page;
  /** Script errors, and whatever the page's Content-Security-Policy refused. A test ends with none. */
  readonly problems: readonly string[];
  /** GraphQL requests so far, by the name of their operation; 'multipart' for one with a file, which is not read. */
  readonly operations: readonly string[];
  readonly close: () => Promise<void>;
}

/** Of the browser, where a server answers with an error or is away: the page itself says what that means. */
const expectedErrors = /Failed to load resource|ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/;

/** A tab of its own at an address of the page. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const problems: string[] = [];
  const operations: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !expectedErrors.test(message.text())) {
      problems.push(message.text());
    }
  });
  page.on('request', (request) => {
    const name = operationName(request);
    if (name !== undefined) operations.push(name);
  });
  await page.goto(url);
  return { page, problems, operations, close: () => context.close() };
}

/** Gives the page files as a drag from a file manager does: over the window, then let go. */
export async function dropFiles(
  page: Page,
  files: readonly { readonly name: string; readonly bytes: Buffer; readonly type?: string }[],
): Promise<void> {
  await sendFiles(page, files, ['dragenter', 'dragover', 'drop']);
}

/** Gives the page a file as a paste from the clipboard does. */
export async function pasteFile(page: Page, file: { readonly name: string; readonly bytes: Buffer }): Promise<void> {
  await sendFiles(page, [file], ['paste']);
}

async function sendFiles(
  page: Page,
  files: readonly { readonly name: string; readonly bytes: Buffer; readonly type?: string }[],
  events: readonly string[],
): Promise<void> {
  const sent = files.map(({ name, bytes, type = 'image/jpeg' }) => ({ name, type, base64: bytes.toString('base64') }));
  await page.evaluate(`(${sendFilesInPage})(${JSON.stringify({ events, files: sent })})`);
}

/** In the page: a string, for the page's types are not those of this program. */
const sendFilesInPage = `({ events, files }) => {
  const data = new DataTransfer();
  for (const { name, type, base64 } of files) {
    data.items.add(new File([Uint8Array.from(atob(base64), (each) => each.charCodeAt(0))], name, { type }));
  }
  const init = { bubbles: true, cancelable: true };
  for (const type of events) {
    const event = type === 'paste'
      ? new ClipboardEvent(type, { ...init, clipboardData: data })
      : new DragEvent(type, { ...init, dataTransfer: data });
    document.body.dispatchEvent(event);
  }
}`;

function operationName(request: Request): string | undefined {
  if (request.method() !== 'POST' || new URL(request.url()).pathname !== '/graphql') return undefined;
  if (request.headers()['content-type']?.startsWith('multipart/form-data') === true) return 'multipart';
  return /"operationName":"(\w+)"/.exec(request.postData() ?? '')?.[1];
}
