/**
 * The one backend behind many connections: whoever holds it may use it, everybody else waits in order of arrival. A
 * connection holds it from its first message until Postgres is idle again, and so through a whole transaction: messages
 * of two connections never mix.
 */
export class Gate<Owner extends object> {
  #holder: Owner | undefined;
  readonly #waiting: { readonly owner: Owner; readonly admit: (admitted: boolean) => void }[] = [];

  get holder(): Owner | undefined {
    return this.#holder;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves to true once `owner` holds the backend, at once where it does already; to false if it was withdrawn. */
  enter(owner: Owner): Promise<boolean> {
    if (this.#holder === owner) return Promise.resolve(true);
    if (this.#holder === undefined) {
      this.#holder = owner;
      return Promise.resolve(true);
    }
    return new Promise((admit) => this.#waiting.push({ owner, admit }));
  }

  /** Hands the backend to the next in line. Nothing happens unless `owner` holds it. */
  leave(owner: Owner): void {
    if (this.#holder !== owner) return;
    const next = this.#waiting.shift();
    this.#holder = next?.owner;
    next?.admit(true);
  }

  /** Takes `owner` out of the line. What it holds it keeps until it leaves. */
  withdraw(owner: Owner): void {
    for (let index = this.#waiting.length - 1; index >= 0; index--) {
      if (this.#waiting[index]?.owner === owner) this.#waiting.splice(index, 1)[0]?.admit(false);
    }
  }
}
