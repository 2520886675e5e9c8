import { GraphQLError } from 'graphql';
import { describe, expect, it } from 'vitest';
import type { LogFormat, LogLevel } from '../../../src/base/config.js';
import { SemblanceError } from '../../../src/base/errors.js';
import { openLog, type Log } from '../../../src/base/log.js';

function collect(format: LogFormat, level: LogLevel = 'debug', secrets: readonly string[] = []) {
  const lines: string[] = [];
  const log = openLog({ format, level, secrets, destination: { write: (line) => void lines.push(line) } });
  return { log, lines, objects: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const wrapped = (): Error =>
  new SemblanceError('DATABASE_UNAVAILABLE', 'The database cannot be reached', {
    cause: new AggregateError([Object.assign(new Error('connect ECONNREFUSED ::1:5432'), { code: 'ECONNREFUSED' })]),
  });

describe('a log in JSON', () => {
  it('has one object a line, with time, level, message and fields', () => {
    const { log, lines, objects } = collect('json');
    log.warn('a\nb', { status: 503, path: '/x"\u001b[31m' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n]*\n$/);
    expect(objects()).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as unknown,
        message: 'a\nb',
        status: 503,
        path: '/x"\u001b[31m',
      },
    ]);
  });

  it('tells an error with its stack, its code, and what caused it', () => {
    const { log, objects } = collect('json');
    log.error('Request 1 failed', new GraphQLError('wrapped', { originalError: wrapped() }));
    expect(objects()[0]?.['error']).toMatchObject({
      type: 'SemblanceError',
      code: 'DATABASE_UNAVAILABLE',
      stack: expect.stringContaining('log.test.ts') as unknown,
      cause: { type: 'AggregateError', errors: [{ code: 'ECONNREFUSED', message: 'connect ECONNREFUSED ::1:5432' }] },
    });
  });

  it('ends with an error that is its own cause, and takes what is no error', () => {
    const { log, objects } = collect('json');
    const circle = new Error('round');
    circle.cause = circle;
    log.error('a', circle);
    log.error('b', 'text');
    log.error('c', undefined);
    expect(objects().map(({ message }) => message)).toEqual(['a', 'b', 'c']);
    expect(objects()[1]?.['error']).toEqual({ type: 'string', message: 'text' });
  });

  it.each<[LogLevel, readonly string[]]>([
    ['debug', ['d', 'i', 'w', 'e']],
    ['info', ['i', 'w', 'e']],
    ['warn', ['w', 'e']],
    ['error', ['e']],
    ['silent', []],
  ])('at %s holds %j', (level, expected) => {
    const { log, objects } = collect('json', level);
    log.debug('d');
    log.info('i');
    log.warn('w');
    log.error('e', new Error('x'));
    expect(objects().map(({ message }) => message)).toEqual(expected);
  });
});

describe('a log as text', () => {
  it('is one line, fields behind the message', () => {
    const { log, lines } = collect('text');
    log.info('request', { method: 'GET', path: '/a b', status: 200, aborted: true });
    expect(lines[0]).toMatch(/^\S+Z INFO {2}request method=GET path="\/a b" status=200 aborted=true\n$/);
  });

  it('lets no line be forged and no escape sequence through', () => {
    const { log, lines } = collect('text');
    log.info('request', { path: 'x\n2026-01-01T00:00:00.000Z INFO  all is well', name: '\u001b[2J\u202e' });
    log.error('y\nz', new Error('one\u001b[31m'));
    // eslint-disable-next-line no-control-regex -- they are what is looked for
    expect(lines.join('')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
    expect(lines[0]?.split('\n')).toHaveLength(2);
    // Lines of a stack are indented: none begins as a line of the log does.
    expect(
      lines[1]
        ?.split('\n')
        .slice(1, -1)
        .every((line) => line.startsWith('  ')),
    ).toBe(true);
  });

  it('tells what caused an error', () => {
    const { log, lines } = collect('text');
    log.error('Request 1 failed', wrapped());
    expect(lines[0]).toMatch(/ERROR Request 1 failed\n {2}SemblanceError: The database cannot be reached\n/);
    expect(lines[0]).toContain('  caused by: AggregateError');
    expect(lines[0]).toContain('  one of: Error: connect ECONNREFUSED ::1:5432');
  });
});

describe.each<LogFormat>(['json', 'text'])('a log as %s', (format) => {
  const secret = 'quoted "and\\ slashed"';

  it.each<[string, (log: Log) => void]>([
    [
      'a message',
      (log) => {
        log.info(`connect ${secret} smb_0123456789abcdef_${'k'.repeat(43)}`);
      },
    ],
    [
      'a field',
      (log) => {
        log.info('x', { path: `/images/1?signature=${'k'.repeat(43)}`, deep: [{ deeper: secret }] });
      },
    ],
    [
      'an error and its causes',
      (log) => {
        log.error('x', new Error(secret, { cause: new Error(`postgres://a:${'k'.repeat(43)}@b/c`) }));
      },
    ],
  ])('holds no secret of %s', (_where, write) => {
    const { log, lines } = collect(format, 'debug', [secret]);
    write(log);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('[hidden]');
    expect(lines[0]).not.toContain('k'.repeat(43));
    expect(lines[0]).not.toContain('slashed');
  });

  it('redacts a field without reaching into the next', () => {
    const { log, lines } = collect(format);
    log.info('x', { url: 'http://127.0.0.1:4000', caller: 'somebody@example.org' });
    expect(lines[0]).toContain('http://127.0.0.1:4000');
    expect(lines[0]).toContain('somebody@example.org');
  });
});
