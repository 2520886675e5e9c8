/** What is used of WebAssembly: TypeScript declares it for browsers alone, beside all else of theirs. */
declare namespace WebAssembly {
  type Imports = Record<string, Record<string, unknown>>;

  class Module {
    private readonly brand: undefined;
  }

  class Memory {
    readonly buffer: ArrayBuffer;
    /** @returns pages before */
    grow(pages: number): number;
  }

  class Instance {
    constructor(module: Module, imports: Imports);
    readonly exports: Readonly<Record<string, unknown>>;
  }

  function compile(bytes: Uint8Array): Promise<Module>;
}
