import type { Writable } from 'node:stream';

/**
 * What the server and its decoder processes write to each other: the length of a header (four bytes, little-endian), the
 * header in JSON, and as many bytes as it names. Node's own channel between processes holds up the event loop for a
 * tenth of a second where an answer has the pixels of a photo; this comes in pieces.
 */
export interface FrameHeader {
  readonly sizeBytes: number;
}

const prefixBytes = 4;
const maxHeaderBytes = 16 * 1024;
const noBytes = new Uint8Array();

export function writeFrame(stream: Writable, header: FrameHeader, bytes: Uint8Array = noBytes): void {
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32LE(json.byteLength);
  stream.write(Buffer.concat([prefix, json]));
  if (bytes.byteLength > 0) stream.write(bytes);
}

export interface FrameReaderOptions<T extends FrameHeader> {
  /** @throws Error where it is none */
  readonly parseHeader: (value: unknown) => T;
  /** The bytes are the taker's. */
  readonly onFrame: (header: T, bytes: Buffer) => void;
}

/** Puts frames together from the pieces of a stream. */
export class FrameReader<T extends FrameHeader> {
  readonly #options: FrameReaderOptions<T>;
  #part: 'prefix' | 'header' | 'bytes' = 'prefix';
  #target = Buffer.alloc(prefixBytes);
  #filled = 0;
  #header: T | undefined;

  constructor(options: FrameReaderOptions<T>) {
    this.#options = options;
  }

  /** @throws Error where what arrived is no frame */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.byteLength || this.#filled === this.#target.byteLength;) {
      const copied = chunk.copy(this.#target, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled === this.#target.byteLength) this.#finishPart();
    }
  }

  #finishPart(): void {
    const part = this.#target;
    switch (this.#part) {
      case 'prefix': {
        const length = part.readUInt32LE();
        if (length === 0 || length > maxHeaderBytes) throw new Error(`A header cannot have ${length} bytes`);
        this.#expect('header', length);
        return;
      }
      case 'header':
        this.#header = this.#options.parseHeader(JSON.parse(part.toString()));
        this.#expect('bytes', this.#header.sizeBytes);
        return;
      case 'bytes': {
        const header = this.#header;
        this.#expect('prefix', prefixBytes);
        if (header !== undefined) this.#options.onFrame(header, part);
      }
    }
  }

  #expect(part: 'prefix' | 'header' | 'bytes', sizeBytes: number): void {
    this.#part = part;
    // Not of Node's shared pool: whoever gets the pixels may hand their whole buffer to another thread.
    this.#target = Buffer.allocUnsafeSlow(sizeBytes);
    this.#filled = 0;
  }
}
