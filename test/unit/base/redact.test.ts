import { describe, expect, it } from 'vitest';
import { loadConfig, secretsOf } from '../../../src/base/config.js';
import { redact } from '../../../src/base/redact.js';

describe('a log', () => {
  it.each([
    ['connect to postgres://app:hunter2@db:5432/x failed', 'connect to postgres://app:[hidden]@db:5432/x failed'],
    ['postgres://app:p@ss:w@db/x', 'postgres://app:[hidden]@db/x'],
    ['https://:token@proxy:3128', 'https://:[hidden]@proxy:3128'],
    ['key smb_0123456789abcdef_AbC-d_e', 'key smb_0123456789abcdef_[hidden]'],
    ['Authorization: Bearer abc.def', 'Authorization: Bearer [hidden]'],
    ['token eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln seen', 'token [hidden] seen'],
    ['/images/1/thumbnail?expires=1&signature=Ab-_9', '/images/1/thumbnail?expires=1&signature=[hidden]'],
    ['host=db password=hunter2 dbname=x', 'host=db password=[hidden] dbname=x'],
  ])('of "%s" holds no secret', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  it.each(['http://127.0.0.1:4000/graphql', 'at read (file:///app/dist/main.js:10:3)', 'a@example.org'])(
    'leaves %s as it is',
    (text) => {
      expect(redact(text)).toBe(text);
    },
  );

  it('holds none of the configuration, encoded or not', () => {
    const config = loadConfig({
      DATABASE_URL: 'postgres://app:h%40nter2-long@db/x',
      SEMBLANCE_ADMIN_DATABASE_URL: 'postgres://owner:0wner-secret@db/x',
      SEMBLANCE_URL_SECRET: 'thirty-two characters or more, at least',
      HF_TOKEN: 'hf_abcdefgh',
    });
    const text = redact(
      'h@nter2-long h%40nter2-long 0wner-secret thirty-two characters or more, at least hf_abcdefgh',
      secretsOf(config),
    );
    expect(text).toBe('[hidden] [hidden] [hidden] [hidden] [hidden]');
  });
});
