import { createContext, Script, type Context } from "node:vm";
import * as zlib from "node:zlib";
import type { CompressionCodec, Compressors } from "hyparquet";

type Decompress = (input: Uint8Array, outputLength: number) => Uint8Array;
type ZlibWithZstd = typeof zlib & {
  zstdDecompressSync?: (input: Uint8Array, options: object) => Uint8Array;
};

/** Milliseconds that a page may take, besides those that its size allows. */
const SLACK = 200;
const BYTES_A_MS = 5_000;

/**
 * What decompresses a page of each codec, and never into more bytes than its header says: Node's own
 * where it has one. LZ4 and, in older versions of Node, Zstandard are read by JavaScript that copies as
 * often as the data says, also past the end of the page, so each page has a time that it may take.
 */
export async function loadCompressors(): Promise<Compressors> {
  const { snappyUncompress } = await import("hyparquet");
  const { decompressLz4, decompressLz4Raw, decompressZstd } = await import("hyparquet-compressors");
  const { zstdDecompressSync } = zlib as ZlibWithZstd;
  const codecs: { [codec in CompressionCodec]?: Decompress } = {
    SNAPPY: (input, length) => {
      const output = new Uint8Array(length);
      snappyUncompress(input, output);
      return output;
    },
    GZIP: (input, length) => toBytes(zlib.gunzipSync(input, { maxOutputLength: length || 1 })),
    BROTLI: (input, length) =>
      toBytes(zlib.brotliDecompressSync(input, { maxOutputLength: length || 1 })),
    ZSTD:
      zstdDecompressSync === undefined
        ? withinTime((input, length) => decompressZstd(input, new Uint8Array(length)))
        : (input, length) => toBytes(zstdDecompressSync(input, { maxOutputLength: length || 1 })),
    LZ4: withinTime(decompressLz4),
    LZ4_RAW: withinTime(decompressLz4Raw),
  };
  return codecs;
}

/** Numbers are read where the page lies, so its start has to be aligned. */
function toBytes(output: Uint8Array): Uint8Array {
  return output.byteOffset % 8 === 0 ? output : new Uint8Array(output);
}

/** Only here can JavaScript that does not end be ended: a script of another context has a time limit. */
const clock: { context?: Context; call?: Script; run?: () => void } = {};

function withinTime(decompress: Decompress): Decompress {
  return (input, length) => {
    let output: Uint8Array | undefined;
    clock.context ??= createContext({ run: () => clock.run!() });
    clock.call ??= new Script("run()");
    clock.run = () => {
      output = decompress(input, length);
    };
    clock.call.runInContext(clock.context, {
      timeout: SLACK + Math.ceil((input.length + length) / BYTES_A_MS),
    });
    return output!;
  };
}
