import { describe, expect, it } from 'vitest';
import { signedLinkSeconds, signedLinkStepSeconds } from '../../../src/base/limits.js';
import { LinkSigner } from '../../../src/access/links.js';

const secret = Buffer.alloc(32, 7);
const path = '/images/486aed21-1158-85d5-8fd8-94e5b5ad2ba6/thumbnail';

function signerAt(nowMs: () => number, key = secret): LinkSigner {
  return new LinkSigner({ readSecret: () => Promise.resolve(key), now: nowMs });
}

function partsOf(link: string): { readonly expires: string; readonly signature: string } {
  const { searchParams } = new URL(link, 'http://localhost');
  return { expires: searchParams.get('expires') ?? '', signature: searchParams.get('signature') ?? '' };
}

describe('a signed link', () => {
  it('works until its time is over, on every server with the same secret', async () => {
    let nowMs = 1_000_000_000_000;
    const { expires, signature } = partsOf(await signerAt(() => nowMs).sign(path));
    const other = signerAt(() => nowMs);
    const startMs = nowMs;
    nowMs = startMs + signedLinkSeconds * 1000;
    await other.verify(path, expires, signature);
    nowMs = startMs + (signedLinkSeconds + signedLinkStepSeconds) * 1000;
    await expect(other.verify(path, expires, signature)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('leads to that path alone, and no further in time', async () => {
    const signer = signerAt(() => 1_000_000_000_000);
    const { expires, signature } = partsOf(await signer.sign(path));
    for (const [otherPath, otherExpires, otherSignature] of [
      [path.replace('thumbnail', 'original'), expires, signature],
      [path.replace('486a', '486b'), expires, signature],
      [path, String(Number(expires) + 1), signature],
      [path, `${expires}0`, signature],
      [path, expires, `${signature}A`],
      [path, expires, signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))],
      [path, expires, ''],
    ] as const) {
      await expect(signer.verify(otherPath, otherExpires, otherSignature)).rejects.toMatchObject({
        code: 'UNAUTHENTICATED',
      });
    }
    await expect(
      signerAt(() => 1_000_000_000_000, Buffer.alloc(32, 8)).verify(path, expires, signature),
    ).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('stays the same for a while, for caches', async () => {
    let nowMs = Math.ceil(1_000_000_000 / signedLinkStepSeconds) * signedLinkStepSeconds * 1000;
    const signer = signerAt(() => nowMs);
    const first = await signer.sign(path);
    nowMs += signedLinkStepSeconds * 1000 - 1;
    expect(await signer.sign(path)).toBe(first);
    nowMs += 1;
    expect(await signer.sign(path)).not.toBe(first);
  });

  it('is made once the secret can be read, however often that failed', async () => {
    let attempts = 0;
    const signer = new LinkSigner({
      readSecret: () => (++attempts === 1 ? Promise.reject(new Error('away')) : Promise.resolve(secret)),
    });
    await expect(signer.sign(path)).rejects.toThrow('away');
    await signer.sign(path);
    await signer.sign(path);
    expect(attempts).toBe(2);
  });
});
