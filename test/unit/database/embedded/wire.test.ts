import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  AnswerReader,
  ClientReader,
  ProtocolError,
  queryMessage,
  startupMessage,
  syncMessage,
  type ClientRequest,
} from '../../../../src/database/embedded/wire.js';

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(type);
  header.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([header, body]);
}

const untyped = (code: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeInt32BE(8, 0);
  bytes.writeInt32BE(code, 4);
  return bytes;
};
const startup = Buffer.from(startupMessage());
const parse = message('P', Buffer.from('\0select $1\0\0\0'));
const bind = message('B', Buffer.alloc(300_000, 7));
const sync = Buffer.from(syncMessage);

/** With its bytes as a hash: vitest compares long arrays slowly. */
function brief(request: ClientRequest): unknown {
  return request.kind === 'messages' ? createHash('sha256').update(request.bytes).digest('hex') : request.kind;
}

function read(chunks: readonly Buffer[]): unknown[] {
  const reader = new ClientReader();
  return chunks.flatMap((chunk) => [...reader.push(chunk)].map(brief));
}

const messages = (...parts: Uint8Array[]) => brief({ kind: 'messages', bytes: Buffer.concat(parts) });

describe('what a client sends', () => {
  const conversation = Buffer.concat([
    untyped(80_877_103),
    startup,
    parse,
    bind,
    sync,
    Buffer.from(queryMessage('select 1')),
    message('X', Buffer.alloc(0)),
  ]);
  const expected = [
    'encryption',
    'startup',
    messages(parse, bind, sync),
    messages(queryMessage('select 1')),
    'terminate',
  ];

  test.each([1, 3, 7, 1000, 65_536, conversation.length])(
    'is cut into the same requests from chunks of %i bytes',
    (size) => {
      const chunks: Buffer[] = [];
      for (let at = 0; at < conversation.length; at += size) chunks.push(conversation.subarray(at, at + size));
      expect(read(chunks)).toEqual(expected);
    },
  );

  test('is passed on at Flush, without waiting for Sync', () => {
    const flush = message('H', Buffer.alloc(0));
    expect(read([startup, parse, flush])).toEqual(['startup', messages(parse, flush)]);
    expect(read([startup, parse])).toEqual(['startup']);
  });

  test('is refused where a length is impossible or the protocol is another', () => {
    expect(() => read([Buffer.from('GET / HTTP/1.1\r\n\r\n')])).toThrow(ProtocolError);
    expect(() => read([untyped(2 << 16)])).toThrow(ProtocolError);
    expect(() => read([startup, Buffer.from([0x51, 0, 0, 0, 3])])).toThrow(ProtocolError);
  });

  test('may be a request to cancel', () => {
    expect(read([untyped(80_877_102)])).toEqual(['cancel']);
  });
});

describe('what Postgres answers', () => {
  const ready = (status: string) => message('Z', Buffer.from(status));
  const complete = (tag: string) => message('C', Buffer.from(`${tag}\0`));

  test.each([1, 2, 5, 1000])('is followed in pieces of %i bytes', (size) => {
    const bytes = Buffer.concat([
      message('D', Buffer.from('ZZZZZCCCCC')),
      complete('INSERT 0 3'),
      complete('UPDATE 20'),
      complete('SELECT 500'),
      complete('DELETE 100'),
      complete('CREATE TABLE'),
      ready('T'),
    ]);
    const reader = new AnswerReader();
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
    expect(reader.takeChanges()).toBe(123);
    expect(reader.takeStatus()).toBe('T');
  });

  test('is told once', () => {
    const reader = new AnswerReader();
    reader.push(Buffer.concat([complete('INSERT 0 1'), ready('I')]));
    expect([reader.takeStatus(), reader.takeStatus()]).toEqual(['I', undefined]);
    expect([reader.takeChanges(), reader.takeChanges()]).toEqual([1, 0]);
  });
});
