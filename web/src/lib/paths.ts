/** Addresses of the page's views: the one place that spells them. The server answers each with the page. */
export const paths = {
  start: '/',
  /** What an uploaded picture found: it is kept by the tab alone, so only stored pictures have addresses to share. */
  upload: '/search',
  search: (imageId: string) => `/search/${encodeURIComponent(imageId)}`,
  image: (imageId: string) => `/image/${encodeURIComponent(imageId)}`,
  gallery: '/gallery',
  compare: '/compare',
  status: '/status',
} as const;
