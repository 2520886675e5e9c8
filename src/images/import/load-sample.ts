import { drawSample, sampleSize } from '../../pixels/sample/draw-sample.js';
import { importImages, type ImportOptions, type ImportSource, type ImportSummary } from './import-images.js';

export { sampleSize };

/** Draws the sample gallery and imports it, `metadata.label` its family. A second time it finds every picture stored. */
export function loadSample(options: Omit<ImportOptions, 'sources' | 'check'>): Promise<ImportSummary> {
  return importImages({ ...options, sources: sampleSources() });
}

async function* sampleSources(): AsyncGenerator<ImportSource> {
  for await (const { filename, label, bytes } of drawSample()) {
    yield {
      path: filename,
      filename,
      metadata: { label, path: `sample/${filename}` },
      read: () => Promise.resolve(bytes),
    };
  }
}
