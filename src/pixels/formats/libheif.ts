import { createRequire } from 'node:module';

/** An address in the memory of the WebAssembly module. */
type Address = number;
/** A function of libheif's C API that returns a `heif_error`: it writes it to the address that goes first. */
type Failing<A extends readonly unknown[]> = (error: Address, ...args: A) => void;

/** The functions of libheif's C API (libheif/heif.h) that are used here, by the names that Emscripten exports. */
interface Exports {
  _malloc(sizeBytes: number): Address;
  _heif_context_alloc(): Address;
  _heif_context_get_security_limits(context: Address): Address;
  _heif_context_read_from_memory_without_copy: Failing<[context: Address, bytes: Address, size: number, options: 0]>;
  _heif_context_has_sequence(context: Address): number;
  _heif_context_get_primary_image_ID: Failing<[context: Address, id: Address]>;
  /** Four characters, the first in the highest byte. */
  _heif_item_get_item_type(context: Address, id: number): number;
  _heif_context_get_primary_image_handle: Failing<[context: Address, handle: Address]>;
  _heif_image_handle_get_width(handle: Address): number;
  _heif_image_handle_get_height(handle: Address): number;
  _heif_image_handle_get_ispe_width(handle: Address): number;
  _heif_image_handle_get_ispe_height(handle: Address): number;
  _heif_image_handle_has_alpha_channel(handle: Address): number;
  _heif_image_handle_is_premultiplied_alpha(handle: Address): number;
  _heif_image_handle_get_raw_color_profile_size(handle: Address): number;
  _heif_image_handle_get_raw_color_profile: Failing<[handle: Address, bytes: Address]>;
  _heif_image_handle_get_nclx_color_profile: Failing<[handle: Address, profile: Address]>;
  _heif_decoding_options_alloc(): Address;
  _heif_decode_image: Failing<[handle: Address, image: Address, colorspace: number, chroma: number, options: Address]>;
  _heif_image_get_width(image: Address, channel: number): number;
  _heif_image_get_height(image: Address, channel: number): number;
  _heif_image_get_plane_readonly2(image: Address, channel: number, stride: Address): Address;
}

/** A `heif_error`. */
export class LibheifError extends Error {
  constructor(
    /** heif_error_code. */
    readonly code: number,
    /** heif_suberror_code. */
    readonly subcode: number,
    message: string,
  ) {
    super(message);
  }
}

/** Values of libheif's enumerations. */
export const heif = {
  unsupportedFiletype: 3,
  unsupportedFeature: 4,
  colorProfileDoesNotExist: 10,
  noMatchingDecoder: 6003,
  colorspaceRgb: 1,
  chromaInterleavedRgb: 10,
  chromaInterleavedRgba: 11,
  channelInterleaved: 10,
} as const;

const pageBytes = 65_536;
/** Of the struct heif_error on 32 bits: code, subcode and the address of a text. */
const errorBytes = 12;

/**
 * libheif in memory of its own that never grows beyond `maxBytes`. What it allocated is given back by dropping the instance:
 * the memory of WebAssembly never shrinks.
 */
export class Libheif {
  /** It can be raised once the size of an image is known. */
  maxBytes: number;
  /** Whether more was asked for. What fails afterwards may fail in any way. */
  wantedMore = false;
  readonly c: Exports;
  readonly #memory: WebAssembly.Memory;
  readonly #error: Address;
  readonly #result: Address;

  /** @param module of libheif-js/libheif-wasm/libheif.wasm */
  constructor(module: WebAssembly.Module, maxBytes: number) {
    this.maxBytes = maxBytes;
    // Its own entry points read the module from the working directory, or bring it a second time.
    const make = createRequire(import.meta.url)('libheif-js/libheif-wasm/libheif.js') as (options: unknown) => Exports;
    let memory: WebAssembly.Memory | undefined;
    this.c = make({
      print: () => undefined,
      printErr: () => undefined,
      instantiateWasm: (imports: WebAssembly.Imports, instantiated: (instance: WebAssembly.Instance) => unknown) => {
        const instance = new WebAssembly.Instance(module, imports);
        memory = Object.values(instance.exports).find((value) => value instanceof WebAssembly.Memory);
        return instantiated(instance);
      },
    });
    if (memory === undefined) throw new Error('libheif exports no memory');
    this.#memory = memory;
    this.#boundMemory(memory);
    this.#error = this.allocate(errorBytes);
    this.#result = this.allocate(4);
  }

  /** @throws Error where `maxBytes` has no room for it */
  allocate(sizeBytes: number): Address {
    const address = this.c._malloc(sizeBytes);
    if (address === 0) throw new Error(`No room for ${sizeBytes} bytes`);
    return address;
  }

  /** @throws LibheifError */
  call<A extends readonly unknown[]>(failing: Failing<A>, ...args: A): void {
    failing(this.#error, ...args);
    const code = this.readInt(this.#error);
    if (code === 0) return;
    throw new LibheifError(code, this.readInt(this.#error + 4), this.#readText(this.readInt(this.#error + 8)));
  }

  /** What a function writes to the address that `call` gives it. */
  resultOf(call: (result: Address) => void): number {
    call(this.#result);
    return this.readInt(this.#result);
  }

  /** A view that the next allocation may end. */
  view(address: Address, sizeBytes: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, address, sizeBytes);
  }

  readInt(address: Address): number {
    return new DataView(this.#memory.buffer).getInt32(address, true);
  }

  writeInt(address: Address, value: number): void {
    new DataView(this.#memory.buffer).setInt32(address, value, true);
  }

  #readText(address: Address): string {
    const bytes = new Uint8Array(this.#memory.buffer, address);
    return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
  }

  /** Emscripten takes an exception for a refusal of the system; malloc then answers 0. */
  #boundMemory(memory: WebAssembly.Memory): void {
    const grow = memory.grow.bind(memory);
    memory.grow = (pages) => {
      if (memory.buffer.byteLength + pages * pageBytes <= this.maxBytes) return grow(pages);
      this.wantedMore = true;
      throw new RangeError('No more memory is allowed');
    };
  }
}
