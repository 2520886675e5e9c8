/** Paths on this server of an image's three forms. */
export interface ImagePaths {
  readonly original: string;
  readonly rendition: string;
  readonly thumbnail: string;
}

/** What the resolvers of a feature work with, made for each request. `Operations` are those that they call. */
export interface ResolverContext<Operations> {
  readonly operations: Operations;
  readonly imagePaths: (id: string) => Promise<ImagePaths>;
  readonly answer: {
    /** Counts bytes of this request's answer. @throws SemblanceError BAD_USER_INPUT, OVERLOADED where they are too many */
    add(bytes: number): void;
  };
  /** Aborts when nobody will get the answer: the client has gone, or the answer is refused. */
  readonly signal: AbortSignal;
  /** Writes an error that no client may see to the log, under the request's id. */
  readonly logUnexpected: (error: unknown) => void;
}
