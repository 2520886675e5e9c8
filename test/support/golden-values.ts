import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What training/golden/<topic>.py wrote. The caller names the shape. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- JSON has the shape that its script gave it.
export function readGolden<T>(topic: string): T {
  return JSON.parse(readFileSync(join(import.meta.dirname, `../fixtures/golden/${topic}.json`), 'utf8')) as T;
}
