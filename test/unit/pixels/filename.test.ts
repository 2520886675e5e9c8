import { describe, expect, it } from 'vitest';
import { cleanFilename } from '../../../src/pixels/filename.js';

const family = '👨‍👩‍👧‍👦';

describe('cleanFilename', () => {
  it.each([
    ['a plain name', 'cat.jpg', 'cat.jpg'],
    ['accents', 'Straße à Genève.png', 'Straße à Genève.png'],
    ['decomposed accents', 'Gene\u0300ve.png', 'Gen\u00e8ve.png'],
    ['emoji', `${family} 🎉.webp`, `${family} 🎉.webp`],
    ['a folder', '../../etc/passwd.png', 'passwd.png'],
    ['a Windows folder', 'C:\\Users\\me\\cat.jpg', 'cat.jpg'],
    ['a folder alone', 'photos/', 'unnamed'],
    ['dots', 'photos/..', 'unnamed'],
    ['control characters', 'a\0b\r\nc\u007fd\u0085.jpg', 'abcd.jpg'],
    ['a direction override', 'photo\u202egpj.exe', 'photogpj.exe'],
    ['a lone surrogate', 'a\ud800b.jpg', 'ab.jpg'],
    ['white space around', '  cat.jpg\u00a0 ', 'cat.jpg'],
    ['white space alone', ' \t ', 'unnamed'],
    ['nothing', '', 'unnamed'],
    ['a hidden file', '.gitignore', '.gitignore'],
  ])('%s: %j', (_, name, expected) => {
    expect(cleanFilename(name)).toBe(expected);
  });

  it('cuts to 255 bytes and keeps the extension', () => {
    expect(cleanFilename(`${'a'.repeat(251)}.jpg`)).toBe(`${'a'.repeat(251)}.jpg`);
    expect(cleanFilename(`${'a'.repeat(300)}.jpg`)).toBe(`${'a'.repeat(251)}.jpg`);
    expect(cleanFilename('a'.repeat(300))).toBe('a'.repeat(255));
  });

  it('cuts between characters', () => {
    expect(cleanFilename(`${'ä'.repeat(200)}.jpg`)).toBe(`${'ä'.repeat(125)}.jpg`);
    const cut = cleanFilename(`${family.repeat(20)}.jpg`);
    expect(cut).toBe(`${family.repeat(10)}.jpg`);
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(255);
  });

  it('takes no long tail for an extension', () => {
    const cut = cleanFilename(`a.${'b'.repeat(300)}`);
    expect(cut).toBe(`a.${'b'.repeat(253)}`);
  });

  it('cuts a single character of hundreds of accents', () => {
    const cut = cleanFilename(`x${'\u0336'.repeat(300)}`);
    expect(cut).toBe(`x${'\u0336'.repeat(127)}`);
  });
});
