import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalogue, exportCommand, findEntry, preprocessingOf } from '../../../../src/models/catalogue/catalogue.js';
import { facts, type CatalogueEntry, type Fact } from '../../../../src/models/catalogue/catalogue-entry.js';
import { goldenRule } from '../../../../src/models/golden.js';
import { parseManifest } from '../../../../src/models/manifest.js';
import { packageRoot } from '../../../../src/base/paths.js';

/** Multiply-accumulates of a vision transformer's matrix products, in thousand millions. */
function vitGmacs({ patch, width, projected = 0, prefix = 1 }: { patch: number; width: number; projected?: number; prefix?: number }): number {
  const patches = (224 / patch) ** 2;
  const tokens = patches + prefix;
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
    ['dinov3-small', vitGmacs({ patch: 16, width: 384, prefix: 5 })],
    ['dinov3-base', vitGmacs({ patch: 16, width: 768, prefix: 5 })],
    ['clip-vit-base-patch32', vitGmacs({ patch: 32, width: 768, projected: 768 * 512 })],
    // Its head: keys and values of every patch, for the one query that it has learned, and an MLP.
    ['siglip2-base-patch16-224', vitGmacs({ patch: 16, width: 768, prefix: 0, projected: 768 ** 2 * (2 * 196 + 2 + 8) + 2 * 196 * 768 })],
    ['vit-base-patch16-224', vitGmacs({ patch: 16, width: 768 })],
    ['vit-base-patch32-224', vitGmacs({ patch: 32, width: 768 })],
  ])('counts the cost of %s from its architecture', (name, gmacs) => {
    expect(findEntry(name)?.gmacs).toBeCloseTo(gmacs, 1);
    for (const int8 of catalogue.filter((entry) => entry.name === `${name}-int8`)) expect(int8.gmacs).toBe(findEntry(name)?.gmacs);
  });

  it.each([
    ['dinov3-small', { width: 224, height: 224, interpolation: 'bilinear' }, [0.485, 0.456, 0.406]],
    ['siglip2-base-patch16-224', { width: 224, height: 224, interpolation: 'bilinear' }, [0.5, 0.5, 0.5]],
    ['mobileclip-s0', { shortestEdge: 256, interpolation: 'bilinear' }, undefined],
  ])('prepares images for %s as its preprocessor_config.json says', (name, resize, mean) => {
    const preprocessing = preprocessingOf(findEntry(name) as CatalogueEntry);
    expect(preprocessing.resize).toEqual(resize);
    expect([preprocessing.rescale, preprocessing.mean]).toEqual([1 / 255, mean]);
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

  it('knows the checksum of every file that it names', () => {
    for (const { source } of catalogue) {
      if (source.kind === 'export') continue;
      for (const file of [source, source.weights, source.textTower]) {
        if (file !== undefined) expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
      }
    }
  });

  it('asks for agreement where a licence has terms of its own, and only there', () => {
    const open = ['Apache-2.0', 'MIT'];
    for (const { license, terms } of catalogue) expect(terms === undefined).toBe(open.includes(license));
  });

  it('has its checks in docs/models.md, fact by fact, with the addresses', async () => {
    const docs = await readFile(join(packageRoot, 'docs/models.md'), 'utf8');
    expect(docs).toContain(checksTable());
  });
});

/** A row for each entry with the numbers of the addresses where a fact was read, and the addresses. */
function checksTable(): string {
  const addresses = [...new Set(catalogue.flatMap(({ checked }) => facts.flatMap((fact) => checked[fact] ?? [])))];
  const cell = ({ checked, source }: CatalogueEntry, fact: Fact): string => {
    const numbers = (checked[fact] ?? []).map((address) => addresses.indexOf(address) + 1);
    // An export is a file of whoever makes it.
    const made = source.kind === 'export' && !['preprocessing', 'licence'].includes(fact);
    return made ? '' : numbers.join(', ') || 'not checked';
  };
  const rows = catalogue.map((entry) => [`\`${entry.name}\``, ...facts.map((fact) => cell(entry, fact))]);
  const table = [['model', ...facts], ['---', ...facts.map(() => '---')], ...rows];
  const list = addresses.map((address, index) => `${index + 1}. <${address}>`);
  return `${table.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n\n${list.join('\n')}\n`;
}
