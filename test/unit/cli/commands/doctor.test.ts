import { expect, test } from 'vitest';
import { describeCount } from '../../../../src/cli/commands/doctor.js';
import { advice, problem } from '../../../../src/database/diagnosis/finding.js';

const wrong = problem('disk', 'It is full.', 'Free some.');
const advised = advice('extension', 'It is old.', 'Renew it.');

test('doctor says that nothing is wrong only where it found neither problem nor advice', () => {
  expect(describeCount([])).toBe('Nothing is wrong.');
  expect(describeCount([advised])).toBe('No problem, and advice on 1 thing.');
  expect(describeCount([wrong])).toBe('1 problem.');
  expect(describeCount([wrong, wrong, advised, advised])).toBe('2 problems, and advice on 2 things.');
});
