/** Path under which a proxy serves the page, such as /vision, or empty: the server writes it into the page. */
export const pathPrefix = document.querySelector<HTMLMetaElement>('meta[name="path-prefix"]')?.content ?? '';
