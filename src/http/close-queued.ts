import type { RequestHandler } from 'express';

/**
 * Node tells the end of a connection to the answer that is being written alone. Answers that wait behind it on the same
 * connection (HTTP pipelining) would keep for ever what they give back at their `close`.
 */
export const closeQueued: RequestHandler = ({ socket }, response, next) => {
  if (response.socket === null) {
    const close = (): void => {
      response.destroy().emit('close');
    };
    // As many as the client sends at once.
    socket.setMaxListeners(0).once('close', close);
    response.once('close', () => {
      socket.off('close', close);
    });
  }
  next();
};
