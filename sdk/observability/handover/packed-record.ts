/**
 * How a record stands in a block, from a multiple of eight bytes on: its length and its flags as two
 * integers; then what is there of numbers of eight bytes, integers and texts, in the order in which
 * `pack-record.ts` writes and `unpack-record.ts` reads them.
 */

// What a record is of.
export const KIND = 3;
export const PREDICTION = 0;
export const ACCESS = 1;
/** A line that was printed before. */
export const PRINTED = 2;

// The same as that of the record before it in the block, which is what most requests have alike.
export const SAME_METHOD = 1 << 2;
export const SAME_ROUTE = 1 << 3;
export const SAME_TARGET = 1 << 4;
export const SAME_API = 1 << 5;
export const SAME_INPUT_TYPE = 1 << 6;
export const SAME_OUTPUT_TYPE = 1 << 7;
export const SAME_RUN = 1 << 8;
export const SAME_ADDRESS = 1 << 9;
export const SAME_AGENT = 1 << 10;

// What is there.
export const HAS_API = 1 << 11;
export const HAS_TRACE = 1 << 12;
export const HAS_HEADERS = 1 << 13;
export const HAS_PARAMS = 1 << 14;
export const HAS_INPUT = 1 << 15;
export const HAS_INPUT_BYTES = 1 << 16;
export const HAS_INPUT_TEXT = 1 << 17;
export const HAS_INPUT_TOTAL = 1 << 18;
export const HAS_OUTPUT_BYTES = 1 << 19;
export const HAS_OUTPUT_TEXT = 1 << 20;
export const HAS_OUTPUT_TOTAL = 1 << 21;
export const HAS_ITEMS = 1 << 22;
export const HAS_WAIT = 1 << 23;
export const HAS_BYTES_IN = 1 << 24;
export const HAS_BYTES_OUT = 1 << 25;
export const HAS_ADDRESS = 1 << 26;
export const HAS_AGENT = 1 << 27;
export const IS_ROWS = 1 << 28;

// How a text is written; in the lowest bits of its length.
export const FORM_BITS = 2;
export const ASCII = 0;
export const UTF8 = 1;
/** With halves of characters, which UTF-8 does not have. */
export const UTF16 = 2;
