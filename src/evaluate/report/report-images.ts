/** Pictures as data URIs, small ones: 84 pixels are shown. Undefined where there is none. */
export interface ReportImages {
  readonly query: (topicId: string) => string | undefined;
  readonly gallery: (documentId: string) => string | undefined;
}
