/** Share of the request's body that was sent, 0 to 1. */
export type OnUploadProgress = (sent: number) => void;

/**
 * fetch, and for a request whose options hold `onUploadProgress`, the same by XMLHttpRequest: fetch tells nobody how much
 * of a body was sent. Apollo passes `context.fetchOptions` through: `context: { fetchOptions: { onUploadProgress } }`.
 */
export const fetchWithProgress: typeof fetch = (input, options) => {
  const onUploadProgress = (options as { onUploadProgress?: OnUploadProgress } | undefined)?.onUploadProgress;
  if (onUploadProgress === undefined || typeof input !== 'string') return fetch(input, options);
  return send(input, options ?? {}, onUploadProgress);
};

const answeredHeaders = ['Content-Type', 'Retry-After', 'WWW-Authenticate'];

function send(url: string, options: RequestInit, onUploadProgress: OnUploadProgress): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(options.method ?? 'POST', url);
    new Headers(options.headers).forEach((value, name) => {
      request.setRequestHeader(name, value);
    });
    request.responseType = 'blob';
    request.upload.onprogress = ({ lengthComputable, loaded, total }) => {
      if (lengthComputable && total > 0) onUploadProgress(loaded / total);
    };
    request.onload = () => {
      const { status, statusText } = request;
      const headers = answeredHeaders.flatMap((name): [string, string][] => {
        const value = request.getResponseHeader(name);
        return value === null ? [] : [[name, value]];
      });
      resolve(new Response(request.response as Blob, { status, statusText, headers }));
    };
    request.onerror = () => {
      reject(new TypeError('The request failed'));
    };
    request.onabort = () => {
      reject(new DOMException('The request was given up', 'AbortError'));
    };
    const { signal } = options;
    if (signal?.aborted === true) {
      request.onabort(new ProgressEvent('abort'));
      return;
    }
    signal?.addEventListener('abort', () => {
      request.abort();
    });
    request.send(options.body as XMLHttpRequestBodyInit);
  });
}
