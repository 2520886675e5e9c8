// Reads vitest's JSON report, prints "PASSED FAILED", and appends what did not pass to a file, for the end of .ci/run:
// a log is often seen by its end alone.
import { appendFileSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import process from 'node:process';

const messageLines = 12;
const [reportPath, failuresPath] = process.argv.slice(2);
const report = JSON.parse(readFileSync(reportPath, 'utf8'));

const failures = report.testResults.flatMap(({ name, message, assertionResults }) => {
  const file = relative('.', name);
  const tests = assertionResults
    .filter(({ status }) => status !== 'passed')
    .map(({ status, fullName, failureMessages }) => [
      `${status}: ${file}: ${fullName}`,
      ...failureMessages.join('\n').split('\n').slice(0, messageLines),
    ]);
  return message === '' ? tests : [...tests, [`${file}: ${message}`]];
});
if (failures.length > 0) appendFileSync(failuresPath, `${failures.map((lines) => lines.join('\n  ')).join('\n')}\n`);

process.stdout.write(
  `${report.numPassedTests} ${report.numFailedTests + report.numPendingTests + report.numTodoTests}\n`,
);
