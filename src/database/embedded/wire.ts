/**
 * As much of the Postgres wire protocol (version 3) as it takes to pass whole messages on:
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */

/** Of the last ReadyForQuery: idle, in a transaction, in a transaction that failed. */
export type TransactionStatus = 'I' | 'T' | 'E';

/** Larger than any parameter of ours; it bounds what a broken length can make us wait for. */
const maxMessageBytes = 512 * 1024 * 1024;

const sslRequestCode = 80_877_103;
const gssRequestCode = 80_877_104;
const cancelRequestCode = 80_877_102;
const protocolMajor = 3;

export type ClientRequest =
  /** SSL or GSS encryption is asked for: the answer is one byte, N. */
  | { readonly kind: 'encryption' }
  | { readonly kind: 'startup' }
  | { readonly kind: 'cancel' }
  /** Messages that end with one that Postgres answers: Sync, Query, FunctionCall or Flush. */
  | { readonly kind: 'messages'; readonly bytes: Uint8Array }
  | { readonly kind: 'terminate' };

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

const answered = new Set(['S', 'Q', 'F', 'H'].map((type) => type.charCodeAt(0)));
const terminate = 'X'.charCodeAt(0);

/** Cuts a client's byte stream into requests. Copies each byte at most twice, however large a message is. */
export class ClientReader {
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes without which no further message is whole. */
  #wanted = 8;
  #started = false;
  /** Whole messages that wait for the one that ends their request. */
  #messages: Buffer[] = [];

  /** @throws ProtocolError after which the stream cannot be read on */
  *push(chunk: Buffer): Generator<ClientRequest> {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#wanted) return;

    const buffer = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#size);
    let offset = 0;
    for (;;) {
      const headerBytes = this.#started ? 5 : 8;
      const rest = buffer.length - offset;
      const length = rest < headerBytes ? headerBytes : this.#messageBytes(buffer, offset);
      if (rest < length) {
        this.#wanted = length;
        break;
      }
      const message = buffer.subarray(offset, offset + length);
      offset += length;
      const request = this.#started ? this.#takeMessage(message) : this.#takeUntyped(message);
      if (request !== undefined) yield request;
    }
    this.#chunks = offset === buffer.length ? [] : [buffer.subarray(offset)];
    this.#size = buffer.length - offset;
  }

  #messageBytes(buffer: Buffer, offset: number): number {
    const type = this.#started ? 1 : 0;
    const length = buffer.readInt32BE(offset + type);
    if (length < (this.#started ? 4 : 8) || length > maxMessageBytes)
      throw new ProtocolError(`message of ${length} bytes`);
    return type + length;
  }

  #takeUntyped(message: Buffer): ClientRequest {
    const code = message.readInt32BE(4);
    if (code === sslRequestCode || code === gssRequestCode) return { kind: 'encryption' };
    if (code === cancelRequestCode) return { kind: 'cancel' };
    if (code >> 16 !== protocolMajor) throw new ProtocolError(`protocol ${code >> 16}`);
    this.#started = true;
    return { kind: 'startup' };
  }

  #takeMessage(message: Buffer): ClientRequest | undefined {
    const type = message.readUInt8(0);
    if (type === terminate) return { kind: 'terminate' };
    this.#messages.push(message);
    if (!answered.has(type)) return undefined;
    const messages = this.#messages;
    this.#messages = [];
    const bytes = messages.length === 1 ? message : Buffer.concat(messages);
    return { kind: 'messages', bytes };
  }
}

/** Reads along with what Postgres answers: the transaction status, and how many rows were changed. */
export class AnswerReader {
  readonly #header = Buffer.alloc(5);
  #headerBytes = 0;
  #body: Buffer | undefined;
  #bodyBytes = 0;
  #bodyLeft = 0;
  #status: TransactionStatus | undefined;
  #changes = 0;

  /** Undefined where no ReadyForQuery has come since the last call. */
  takeStatus(): TransactionStatus | undefined {
    const status = this.#status;
    this.#status = undefined;
    return status;
  }

  /** Rows inserted, updated and deleted since the last call. */
  takeChanges(): number {
    const changes = this.#changes;
    this.#changes = 0;
    return changes;
  }

  push(bytes: Uint8Array): void {
    let offset = 0;
    while (offset < bytes.length) {
      if (this.#headerBytes < 5) {
        offset += this.#readHeader(bytes, offset);
      } else {
        const part = bytes.subarray(offset, offset + this.#bodyLeft);
        this.#body?.set(part, this.#bodyBytes);
        this.#bodyBytes += part.length;
        this.#bodyLeft -= part.length;
        offset += part.length;
      }
      if (this.#headerBytes === 5 && this.#bodyLeft === 0) this.#finishMessage();
    }
  }

  #readHeader(bytes: Uint8Array, offset: number): number {
    const part = bytes.subarray(offset, offset + 5 - this.#headerBytes);
    this.#header.set(part, this.#headerBytes);
    this.#headerBytes += part.length;
    if (this.#headerBytes === 5) {
      this.#bodyLeft = this.#header.readInt32BE(1) - 4;
      this.#bodyBytes = 0;
      const type = this.#type();
      this.#body = type === 'Z' || type === 'C' ? Buffer.alloc(this.#bodyLeft) : undefined;
    }
    return part.length;
  }

  #finishMessage(): void {
    const text = this.#body?.toString('latin1') ?? '';
    if (this.#type() === 'Z') this.#status = text as TransactionStatus;
    else if (this.#type() === 'C') this.#changes += changedRows(text);
    this.#headerBytes = 0;
    this.#body = undefined;
  }

  #type(): string {
    return String.fromCharCode(this.#header.readUInt8(0));
  }
}

/** Of a CommandComplete's tag: "INSERT 0 3", "UPDATE 3", "DELETE 3". */
function changedRows(tag: string): number {
  const match = /^(?:INSERT \d+|UPDATE|DELETE|MERGE|COPY) (\d+)/.exec(tag);
  return match === null ? 0 : Number(match[1]);
}

export const syncMessage: Uint8Array = Buffer.from([0x53, 0, 0, 0, 4]);

/** A simple query. */
export function queryMessage(sql: string): Uint8Array {
  const text = Buffer.from(`${sql}\0`);
  const header = Buffer.alloc(5);
  header.write('Q');
  header.writeInt32BE(4 + text.length, 1);
  return Buffer.concat([header, text]);
}

/** StartupMessage for the embedded Postgres's one user and one database. */
export function startupMessage(): Uint8Array {
  const parameters = Buffer.from('user\0postgres\0database\0postgres\0\0');
  const header = Buffer.alloc(8);
  header.writeInt32BE(8 + parameters.length, 0);
  header.writeInt32BE(protocolMajor << 16, 4);
  return Buffer.concat([header, parameters]);
}
