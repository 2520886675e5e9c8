/** To a thread that decodes one HEIF file. */
export interface HeifOrder {
  /** libheif, compiled. */
  readonly module: WebAssembly.Module;
  readonly bytes: Uint8Array;
  /** How messages call the file: HEIC or HEIF. */
  readonly format: string;
  /** Width times height. */
  readonly maxPixels: number;
  /** ICC profile of Display P3. */
  readonly displayP3: Uint8Array;
}

export type HeifAnswer =
  /** Uncompressed, upright. */
  | { readonly kind: 'decoded'; readonly tiff: Uint8Array<ArrayBuffer> }
  | {
      readonly kind: 'refused';
      readonly code: 'IMAGE_TOO_LARGE' | 'INVALID_IMAGE' | 'UNSUPPORTED_MEDIA_TYPE';
      readonly message: string;
      /** For the log. */
      readonly cause: string;
    };
