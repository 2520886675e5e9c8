/** A value of an answer as JSON that is written already. It is not read again: parsed, 8 KiB of it can take 200 KiB of memory. */
export class JsonText {
  constructor(readonly text: string) {}
}
