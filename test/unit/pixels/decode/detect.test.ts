import { describe, expect, it } from 'vitest';
import { detectMediaType } from '../../../../src/pixels/decode/detect.js';
import { acceptedFixtures, fixtureBytes } from '../../../fixtures/images.js';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

function ftyp(major: string, ...compatible: readonly string[]): Buffer {
  const box = latin1(`\0\0\0\0ftyp${major}\0\0\0\0${compatible.join('')}`);
  box.writeUInt32BE(box.length, 0);
  return Buffer.concat([box, latin1('\0\0\0\x08mdat')]);
}

describe('detectMediaType', () => {
  it.each(acceptedFixtures)('tells $mediaType from the bytes of $file', (fixture) => {
    expect(detectMediaType(fixtureBytes(fixture))).toBe(fixture.mediaType);
  });

  it.each([
    ['big-endian TIFF', 'MM\0*\0\0\0\x08', 'image/tiff'],
    ['BigTIFF', 'II+\0\x08\0\0\0', 'image/tiff'],
    ['GIF87a', 'GIF87a\x01\0', 'image/gif'],
  ])('knows %s', (_, text, mediaType) => {
    expect(detectMediaType(latin1(text))).toBe(mediaType);
  });

  it('takes AVIF by its major or a compatible brand', () => {
    expect(detectMediaType(ftyp('avif', 'mif1', 'miaf'))).toBe('image/avif');
    expect(detectMediaType(ftyp('mif1', 'avif', 'miaf'))).toBe('image/avif');
    expect(detectMediaType(ftyp('avis', 'msf1'))).toBe('image/avif');
  });

  it('tells HEIC by its brands, and HEIF where they name no coding', () => {
    expect(detectMediaType(ftyp('heic', 'mif1', 'heic'))).toBe('image/heic');
    expect(detectMediaType(ftyp('mif1', 'heix'))).toBe('image/heic');
    expect(detectMediaType(ftyp('mif1', 'miaf'))).toBe('image/heif');
  });

  it.each([
    ['an MP4 or QuickTime video', ftyp('isom', 'mp42')],
    ['a Canon raw photo', ftyp('crx ', 'isom')],
    ['PDF', latin1('%PDF-1.7\n')],
    ['BMP', latin1('BM\x36\0\0\0\0\0\0\0')],
    ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['SVG', Buffer.from('\ufeff<?xml version="1.0"?>\n<!-- a comment -->\n<!DOCTYPE svg>\n<svg/>')],
    ['SVG', Buffer.from('\ufeff<svg width="1"/>', 'utf16le')],
    ['HTML', Buffer.from('<!DOCTYPE html><html><body/></html>')],
    ['XML', Buffer.from('<?xml version="1.0"?><note/>')],
    ['text', Buffer.from(`${'ä'.repeat(2000)} and more`)],
    ['a ZIP archive', latin1('PK\x03\x04\x14\0')],
    ['JPEG XL', latin1('\xff\x0a\0\0')],
    ['a Photoshop document', latin1('8BPS\0\x01')],
    ['a Canon raw photo', latin1('II\x1a\0\0\0HEAPCCDR\x02\0')],
    ['an Olympus raw photo', latin1('IIRO\x08\0\0\0')],
    ['an Olympus raw photo', latin1('IIRS\x08\0\0\0')],
    ['an Olympus raw photo', latin1('MMOR\0\0\0\x08')],
    ['a Panasonic raw photo', latin1('IIU\0\x18\0\0\0')],
    ['a Fujifilm raw photo', latin1('FUJIFILMCCD-RAW 0201')],
    ['a Minolta raw photo', latin1('\0MRM\0\0\0\0')],
    ['a Sigma raw photo', latin1('FOVb\0\0\x02\0')],
    ['JPEG XR', latin1('II\xbc\x01\x08\0\0\0')],
    ['Netpbm', latin1('P6\n4 4\n255\n\xff\0\0')],
    ['Radiance HDR', latin1('#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n')],
    ['OpenEXR', latin1('v/1\x01\x02\0\0\0')],
    ['a Windows metafile', latin1(`\x01\0\0\0${'\0'.repeat(36)} EMF`)],
    ['Targa', latin1(`\0\0\x02${'\0'.repeat(60)}TRUEVISION-XFILE.\0`)],
    ['an FLI animation', latin1('\0\x10\0\0\x12\xaf')],
    ['DICOM', latin1(`${'\0'.repeat(128)}DICM`)],
    ['of an unknown type', Buffer.from([1, 2, 3, 0, 255, 254])],
    ['of an unknown type', latin1('RIFF\x24\0\0\0WAVEfmt ')],
  ])('names %s', (name, bytes) => {
    const prefix = `The file is ${name}; `;
    expect(() => detectMediaType(bytes)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_MEDIA_TYPE' }) as Error);
    expect(() => detectMediaType(bytes)).toThrow(prefix);
  });

  it('looks only at its own bytes of a shared buffer', () => {
    const pool = Buffer.concat([latin1('%PDF-'), fixtureBytes({ file: 'png-1x1.png' })]);
    expect(detectMediaType(pool.subarray(5))).toBe('image/png');
  });

  it('calls no bytes an empty file', () => {
    expect(() => detectMediaType(new Uint8Array(0))).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT', message: 'The file is empty' }) as Error,
    );
  });
});
