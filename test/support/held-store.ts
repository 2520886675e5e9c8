import type { Store } from '../../src/database/store.js';

export interface HeldStore {
  readonly store: Store;
  /** From now on calls of the method wait. Resolves once one does. */
  hold(): Promise<void>;
  /** Lets those that wait go on, and all to come. */
  release(): void;
  /** From now on calls of the method throw. */
  breakBy(error: Error): void;
}

/** A store of which one method can be held up. */
export function holdStore(store: Store, method: keyof Store): HeldStore {
  let held = Promise.resolve();
  let release = (): void => undefined;
  let onWaiting = (): void => undefined;
  let failure: Error | undefined;
  return {
    store: new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        const call = value.bind(target) as (...args: unknown[]) => unknown;
        if (name !== method) return call;
        return async (...args: unknown[]) => {
          onWaiting();
          await held;
          if (failure !== undefined) throw failure;
          return call(...args);
        };
      },
    }),
    hold: () => {
      held = new Promise((resolve) => {
        release = resolve;
      });
      return new Promise((resolve) => {
        onWaiting = resolve;
      });
    },
    release: () => {
      release();
      held = Promise.resolve();
      onWaiting = () => undefined;
    },
    breakBy: (error) => {
      failure = error;
    },
  };
}
