import { invalidArgument } from '../../base/errors.js';

/** A place in the list of images, newest first: that of the image itself, so it stands when others come and go. */
export interface CursorPosition {
  readonly createdAt: Date;
  readonly id: string;
}

const form = /^(\d{1,15})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Opaque to clients. */
export function encodeCursor({ createdAt, id }: CursorPosition): string {
  return Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url');
}

/** @throws SemblanceError BAD_USER_INPUT for anything that encodeCursor did not make */
export function decodeCursor(cursor: string): CursorPosition {
  const [, milliseconds, id] = form.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  const position = { createdAt: new Date(Number(milliseconds)), id: id ?? '' };
  if (id === undefined || Number.isNaN(position.createdAt.getTime()) || encodeCursor(position) !== cursor) {
    throw invalidArgument('after', 'a cursor from an earlier page', cursor);
  }
  return position;
}
