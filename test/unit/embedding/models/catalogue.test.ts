import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalogue, exportCommand, findEntry, preprocessingOf, type CatalogueEntry } from '../../../../src/embedding/models/catalogue.js';
import { goldenRule } from '../../../../src/embedding/golden.js';
import { parseManifest } from '../../../../src/embedding/manifest.js';
import { packageRoot } from '../../../../src/paths.js';

/** Multiply-accumulates of a vision transformer's matrix products, in thousand millions. */
function vitGmacs({ patch, width, projected = 0 }: { patch: number; width: number; projected?: number }): number {
  const patches = (224 / patch) ** 2;
  const tokens = patches + 1;
  const block = 12 * width ** 2 * tokens + 2 * tokens ** 2 * width;
  return (12 * block + patches * 3 * patch ** 2 * width + projected) / 1e9;
}

describe('catalogue', () => {
  it('has no name twice', () => {
    expect(new Set(catalogue.map(({ name }) => name)).size).toBe(catalogue.length);
  });

  it.each(catalogue)('makes a manifest of $name that a server takes', (entry) => {
    const { name, license, input, output } = entry;
    const manifest = {
      name,
      version: '1',
      file: 'model.onnx',
      sha256: 'a'.repeat(64),
      license,
      input,
      preprocessing: preprocessingOf(entry),
      output,
      golden: { tensor: goldenRule(input), embedding: Array.from({ length: output.dimensions }, () => 1) },
    };
    expect(parseManifest(JSON.stringify(manifest)).output).toEqual(output);
  });

  it.each([
    ['dinov2-base', vitGmacs({ patch: 14, width: 768 })],
    ['dinov2-small', vitGmacs({ patch: 14, width: 384 })],
    ['clip-vit-base-patch32', vitGmacs({ patch: 32, width: 768, projected: 768 * 512 })],
    ['vit-base-patch16-224', vitGmacs({ patch: 16, width: 768 })],
    ['vit-base-patch32-224', vitGmacs({ patch: 32, width: 768 })],
  ])('counts the cost of %s from its architecture', (name, gmacs) => {
    expect(findEntry(name)?.gmacs).toBeCloseTo(gmacs, 1);
    for (const int8 of catalogue.filter((entry) => entry.name === `${name}-int8`)) expect(int8.gmacs).toBe(findEntry(name)?.gmacs);
  });

  /** preprocessor_config.json of the repository, or timm's crop_pct at 224. */
  it.each([
    ['dinov2-base', 256, [0.485, 0.456, 0.406]],
    ['dinov2-small-int8', 256, [0.485, 0.456, 0.406]],
    ['clip-vit-base-patch32', 224, [0.48145466, 0.4578275, 0.40821073]],
    ['vit-base-patch16-224', 248, [0.5, 0.5, 0.5]],
    ['vit-base-patch32-224', 248, [0.5, 0.5, 0.5]],
    ['resnet50', 235, [0.485, 0.456, 0.406]],
  ])('prepares images for %s as its maker does', (name, shortestEdge, mean) => {
    expect(preprocessingOf(findEntry(name) as CatalogueEntry)).toMatchObject({
      resize: { shortestEdge, interpolation: 'bicubic' },
      centerCrop: { width: 224, height: 224 },
      rescale: 1 / 255,
      mean,
    });
  });

  it('names the export that training/ has, of each network that the hub has as PyTorch weights only', async () => {
    const known = await readFile(join(packageRoot, 'training/catalogue/models.py'), 'utf8');
    const exported = catalogue.filter(({ source }) => source.kind === 'export');
    expect(exported.length).toBeGreaterThan(0);
    for (const entry of exported) {
      expect(exportCommand(entry, 'OUT')).toBe(`python training/catalogue/export.py ${entry.name} OUT`);
      expect(known).toContain(`"${entry.name}": Known("${entry.source.repo}", "${entry.license}"`);
    }
  });

  it('says of every file that nobody stated a checksum for that it was not verified', () => {
    for (const { source, unverified, name } of catalogue) {
      if (source.kind === 'export') continue;
      expect([name, unverified.some((what) => what.includes('SHA-256'))]).toEqual([name, source.sha256 === undefined]);
      if (source.sha256 !== undefined) expect(source.sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  });
});
