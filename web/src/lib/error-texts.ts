/** An error in plain words: what happened, and what to do about it. */
export interface ErrorText {
  readonly title: string;
  readonly advice: string;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
}

const later = 'Wait a moment and try again.';

/** By `extensions.code`. The server's codes stand in docs/errors.md; a test holds the two together. */
export const errorTexts: Readonly<Record<string, ErrorText>> = {
  BAD_USER_INPUT: {
    title: 'The server did not understand the request',
    advice: 'Correct what the message names.',
    retryable: false,
  },
  UNAUTHENTICATED: {
    title: 'This server does not allow that without a key',
    advice: 'Sign in with an API key or a token that allows it.',
    retryable: true,
  },
  FORBIDDEN: {
    title: 'This server does not allow that',
    advice: 'Ask whoever runs the server for the right that the message names.',
    retryable: false,
  },
  NOT_FOUND: {
    title: 'This picture is not in the gallery',
    advice: 'It may have been deleted. Go back, or search for another one.',
    retryable: false,
  },
  CONFLICT: {
    title: 'Something changed in the meantime',
    advice: 'Reload the page and try again.',
    retryable: true,
  },
  IMAGE_TOO_LARGE: {
    title: 'The picture is too large',
    advice: 'Save a smaller copy of it and use that.',
    retryable: false,
  },
  UNSUPPORTED_MEDIA_TYPE: {
    title: 'This kind of file cannot be read',
    advice: 'Use a JPEG, PNG, WebP, AVIF, GIF, TIFF or HEIC picture.',
    retryable: false,
  },
  INVALID_IMAGE: {
    title: 'The picture is damaged',
    advice: 'Open it in another program and save it again, or use another copy.',
    retryable: false,
  },
  RATE_LIMITED: { title: 'Too many requests in a short time', advice: later, retryable: true },
  AUTHENTICATION_UNAVAILABLE: {
    title: 'The server cannot check tokens right now',
    advice: `${later} If it stays so, tell whoever runs the server.`,
    retryable: true,
  },
  OVERLOADED: { title: 'The server has too much to do right now', advice: later, retryable: true },
  DATABASE_UNAVAILABLE: {
    title: 'The server cannot reach its database',
    advice: `${later} If it stays so, whoever runs the server finds the reason at /readyz.`,
    retryable: true,
  },
  MODEL_UNAVAILABLE: {
    title: 'The model that compares pictures is not ready',
    advice: `${later} If it stays so, whoever runs the server finds the reason at /readyz.`,
    retryable: true,
  },
  STORAGE_FULL: {
    title: 'The server has no room left',
    advice: 'Whoever runs the server must free or add disk space.',
    retryable: true,
  },
  INTERNAL_SERVER_ERROR: {
    title: 'Something went wrong in the server',
    advice: 'Try again. If it happens again, tell whoever runs the server, with the number below.',
    retryable: true,
  },
  GRAPHQL_VALIDATION_FAILED: {
    title: 'This page and the server are of different versions',
    advice: 'Reload the page.',
    retryable: false,
  },
};

/** A key or a token that is good, but for less. */
export const scopeLacking: ErrorText = {
  title: 'Your key does not allow that',
  advice: 'Sign in with one that does, or ask whoever runs the server for it.',
  retryable: true,
};

/** No answer came: the server is stopped, or the network is away. */
export const unreachable: ErrorText = {
  title: 'The server cannot be reached',
  advice: 'Check that it is running and that you are connected, then try again.',
  retryable: true,
};

export const unexpected: ErrorText = {
  title: 'Something unexpected went wrong',
  advice: 'Try again, or reload the page.',
  retryable: true,
};
