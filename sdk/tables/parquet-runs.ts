import { brokenParquet } from "./parquet-fault.js";

/** A place in the bytes of a page. */
export interface PageCursor {
  readonly bytes: Uint8Array;
  at: number;
}

/**
 * Goes through levels or indices as the hybrid of runs and packed bits has them
 * (https://parquet.apache.org/docs/file-format/data-pages/encodings), checks that they are as many as
 * the page says, and counts those that equal a level.
 */
export function checkRuns(
  cursor: PageCursor,
  { width, count }: { width: number; count: number },
  level = -1,
): number {
  const { bytes } = cursor;
  if (width > 32) throw brokenParquet("a page has values of more than 32 bits");
  let seen = 0;
  let equal = 0;
  while (seen < count) {
    const head = readVarint(cursor);
    const length = head >>> 1;
    if ((head & 1) === 0) {
      if (length > count - seen) throw brokenParquet("a page has more values than it says");
      let value = 0;
      for (let shift = 0; shift < width; shift += 8) value |= readByte(cursor) << shift;
      if (value === level) equal += length;
      seen += length;
      continue;
    }
    if (length === 0 || length > Math.ceil((count - seen) / 8)) {
      throw brokenParquet("a page has more values than it says");
    }
    const packed = Math.min(length * 8, count - seen);
    if (level !== -1) equal += countPacked(bytes, cursor.at, { width, count: packed, level });
    // hyparquet takes a byte also where no bits are packed.
    cursor.at += width === 0 ? 1 : length * width;
    seen += packed;
  }
  return equal;
}

function countPacked(
  bytes: Uint8Array,
  start: number,
  { width, count, level }: { width: number; count: number; level: number },
): number {
  let equal = 0;
  let bit = 0;
  for (let i = 0; i < count; i++) {
    let value = 0;
    for (let shift = 0; shift < width; shift++, bit++) {
      value |= ((bytes[start + (bit >> 3)]! >> (bit & 7)) & 1) << shift;
    }
    if (value === level) equal++;
  }
  return equal;
}

/** Checks the blocks of delta-packed integers, of which hyparquet believes the lengths. */
export function checkDeltas(cursor: PageCursor, count: number): void {
  const blockSize = readVarint(cursor);
  const miniblocks = readVarint(cursor);
  readVarint(cursor);
  skipLong(cursor);
  const perMiniblock = blockSize / miniblocks;
  if (
    miniblocks === 0 ||
    blockSize > 0x10000 ||
    perMiniblock % 8 !== 0 ||
    (perMiniblock === 0 && count > 1)
  ) {
    throw brokenParquet("a page of deltas has no right blocks");
  }
  for (let seen = 1; seen < count;) {
    skipLong(cursor);
    const widths = cursor.at;
    cursor.at += miniblocks;
    for (let i = 0; i < miniblocks && seen < count; i++) {
      const width = cursor.bytes[widths + i];
      if (width === undefined || width > 64) {
        throw brokenParquet("a page of deltas has no right blocks");
      }
      cursor.at += (perMiniblock * width) / 8;
      seen += perMiniblock;
    }
  }
}

function readByte(cursor: PageCursor): number {
  const byte = cursor.bytes[cursor.at++];
  if (byte === undefined) throw brokenParquet("a page ends too early");
  return byte;
}

/** An unsigned number below 2^31. */
function readVarint(cursor: PageCursor): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = readByte(cursor);
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) {
      if (value >= 2 ** 31) break;
      return value;
    }
  }
  throw brokenParquet("a page has a number that is too large");
}

function skipLong(cursor: PageCursor): void {
  for (let i = 0; i < 10; i++) if (readByte(cursor) < 0x80) return;
  throw brokenParquet("a page has a number that is too long");
}
