import { Upload } from 'graphql-upload-ts';

/**
 * Keeps what the files of a request are made of out of the messages of graphql-js, which repeat a value that stands where none of its
 * kind belongs: as `toJSON` tells it, and its keys where an input object is expected. One key stays, lest a file pass for `{}`.
 */
export function hideInsides(variables: unknown): void {
  if (variables instanceof Upload) Object.defineProperties(variables, hidden);
  else if (typeof variables === 'object' && variables !== null) Object.values(variables).forEach(hideInsides);
}

const describeFile = (): string => 'a file';

const hidden = {
  toJSON: { value: describeFile },
  promise: { enumerable: false },
  _resolve: { enumerable: false },
  _reject: { enumerable: false },
  // Set once the file arrives.
  file: { enumerable: true, writable: true },
} satisfies PropertyDescriptorMap;
