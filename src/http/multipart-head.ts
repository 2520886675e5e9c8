import type { IncomingMessage } from 'node:http';
import busboy from 'busboy';
import { SemblanceError } from '../base/errors.js';
import { maxMultipartFieldBytes } from '../base/limits.js';

/** The two text fields that a GraphQL multipart request begins with. */
export interface MultipartHead {
  readonly operations: string;
  readonly map: string;
}

/** Both fields, their part headers, and room for a preamble. */
const maxHeadBytes = 4 * maxMultipartFieldBytes;

/**
 * Reads a request up to the end of its `map`, then puts back what it read, so that the next parser begins at the first
 * byte. The same parser as graphql-upload-ts's, under the same rules, so the two cannot read a body differently.
 * @throws SemblanceError BAD_USER_INPUT
 */
export function readMultipartHead(request: IncomingMessage): Promise<MultipartHead> {
  return new Promise((resolve, reject) => {
    const parser = openParser(request);
    const chunks: Buffer[] = [];
    const fields = new Map<string, string>();
    let sizeBytes = 0;
    let outcome: MultipartHead | SemblanceError | undefined;

    const refuse = (message: string): void => {
      outcome ??= new SemblanceError('BAD_USER_INPUT', message);
    };
    const settle = (): void => {
      if (outcome === undefined) return;
      request.off('data', onData).off('end', onEnd).off('close', onEnd);
      parser.removeAllListeners();
      // A parser that is dropped amid a part may still complain.
      parser.on('error', () => undefined);
      parser.destroy();
      if (outcome instanceof SemblanceError) {
        request.resume();
        reject(outcome);
        return;
      }
      request.pause();
      request.unshift(Buffer.concat(chunks, sizeBytes));
      resolve(outcome);
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      sizeBytes += chunk.byteLength;
      parser.write(chunk);
      if (outcome === undefined && sizeBytes > maxHeadBytes)
        refuse('The multipart fields operations and map must come first');
      settle();
    };
    const onEnd = (): void => {
      refuse('The multipart request ended before its fields operations and map');
      settle();
    };

    parser.on('field', (name, value, { valueTruncated }) => {
      if (outcome !== undefined) return;
      if (valueTruncated)
        refuse(`A multipart text field has more than the ${maxMultipartFieldBytes} bytes that are allowed`);
      else if (name !== (fields.size === 0 ? 'operations' : 'map')) {
        refuse('The multipart fields operations, then map, must come first');
      } else {
        fields.set(name, value);
        const operations = fields.get('operations');
        const map = fields.get('map');
        if (operations !== undefined && map !== undefined) outcome = { operations, map };
      }
    });
    parser.on('file', (_name, stream) => {
      stream.on('error', () => undefined).resume();
      refuse('The multipart fields operations, then map, must come before the files');
    });
    parser.on('error', () => {
      refuse('The multipart request is malformed');
      settle();
    });
    request.on('data', onData).on('end', onEnd).on('close', onEnd);
  });
}

/** @throws SemblanceError BAD_USER_INPUT where the header names no boundary */
function openParser(request: IncomingMessage) {
  try {
    return busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: { fieldSize: maxMultipartFieldBytes, fields: 2, files: 1 },
    });
  } catch (error) {
    throw new SemblanceError('BAD_USER_INPUT', 'The multipart request names no boundary', { cause: error });
  }
}
