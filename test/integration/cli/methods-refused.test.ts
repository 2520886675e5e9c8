import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../support/command.js';
import { cleanUp } from '../../support/server.js';

afterAll(cleanUp);

describe('what a command about methods cannot do is one sentence and exit 1', () => {
  it.each([
    [['spaces', 'create', 'x', '--method', 'colour'], 'Expected vit, @model, bovw, bovw-N, hog, grey or color'],
    [['spaces', 'create', 'x'], 'Name what the space does: --method <notation>, or --model <name>'],
    [['spaces', 'create', 'x', '--method', 'vit.whiten-64'], 'at least 65 images'],
    [['spaces', 'create', 'x', '--method', '@nowhere'], 'nowhere'],
    [['train-scorer', '--kind', 'magic'], 'Allowed choices are heuristic, labels'],
    [['similar', '00000000-0000-8000-8000-000000000000', '--region', '1,2,3'], 'Expected x,y,width,height in shares'],
    [['similar', '00000000-0000-8000-8000-000000000000', '--region', '0.5,0,0.6,1'], 'for region but received'],
    [['similar', '00000000-0000-8000-8000-000000000000', '--rerank', 'magic'], 'Expected one of euclidean'],
    [['similar', '00000000-0000-8000-8000-000000000000', '--candidates', '1001'], 'an integer from 1 to 1000'],
  ])('%j', async (args, sentence) => {
    const run = await runCommand(args, { env: { DATABASE_URL: 'memory:' } });
    expect(run.output).toContain(sentence);
    expect(run.output).not.toContain('    at ');
    expect(run.output.trim().split('\n').length).toBeLessThanOrEqual(3);
    expect(run.code).toBe(1);
  });
});
