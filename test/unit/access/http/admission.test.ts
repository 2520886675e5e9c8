import { expect, test } from 'vitest';
import { openAdmission } from '../../../../src/access/http/admission.js';
import { maxUploadRequests, maxUploadRequestsOfOne } from '../../../../src/base/limits.js';

const refusalAfter = (anonymousAccess: 'admin' | 'read', places: number): unknown => {
  const { uploads } = openAdmission({ anonymousAccess });
  for (let place = 0; place < places; place++) uploads.take('one');
  try {
    uploads.take('one');
    return undefined;
  } catch (error) {
    return (error as { readonly code?: unknown }).code;
  }
};

test('one caller gets a share of the places', () => {
  expect(refusalAfter('read', maxUploadRequestsOfOne)).toBe('RATE_LIMITED');
});

test('and all of them where whoever asks may do everything: nobody else is to be told apart', () => {
  expect(refusalAfter('admin', maxUploadRequestsOfOne)).toBeUndefined();
  expect(refusalAfter('admin', maxUploadRequests)).toBe('OVERLOADED');
});
