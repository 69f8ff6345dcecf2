/** The kinds of image files that are read. */
export const IMAGE_FORMATS = ["png", "jpeg", "webp", "gif", "tiff"] as const;

export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** The media type of a format (IANA). */
export const IMAGE_TYPES: Readonly<Record<ImageFormat, string>> = {
  png: "image/png",
  jpeg: "image/jpeg",
  webp: "image/webp",
  gif: "image/gif",
  tiff: "image/tiff",
};

/** The media types that a client may write for a format. */
export const IMAGE_ALIASES: ReadonlyMap<string, ImageFormat> = new Map([
  ...IMAGE_FORMATS.map((format): [string, ImageFormat] => [IMAGE_TYPES[format], format]),
  ["image/jpg", "jpeg"],
  ["image/pjpeg", "jpeg"],
  ["image/apng", "png"],
  ["image/x-png", "png"],
]);

type Magic = readonly [start: number, bytes: string];

const MAGIC: readonly (readonly [ImageFormat, ...Magic[]])[] = [
  ["png", [0, "\x89PNG\r\n\x1a\n"]],
  ["jpeg", [0, "\xff\xd8\xff"]],
  ["gif", [0, "GIF87a"]],
  ["gif", [0, "GIF89a"]],
  ["webp", [0, "RIFF"], [8, "WEBP"]],
  ["tiff", [0, "II*\0"]],
  ["tiff", [0, "MM\0*"]],
  // BigTIFF
  ["tiff", [0, "II+\0"]],
  ["tiff", [0, "MM\0+"]],
];

/** Files that a client may well send, and that are not read. */
const OTHERS: readonly (readonly [string, ...Magic[]])[] = [
  ["HEIC", [4, "ftyphei"]],
  ["HEIC", [4, "ftyphev"]],
  ["HEIC", [4, "ftypmif1"]],
  ["AVIF", [4, "ftypavi"]],
  ["JPEG XL", [0, "\xff\x0a"]],
  ["JPEG XL", [4, "JXL "]],
  ["JPEG 2000", [4, "jP  "]],
  ["PDF", [0, "%PDF-"]],
  ["a Photoshop document", [0, "8BPS"]],
  ["an icon", [0, "\0\0\x01\0"]],
  ["a video", [4, "ftyp"]],
  ["an archive", [0, "PK\x03\x04"]],
  ["BMP", [0, "BM"]],
];

function matches(bytes: Uint8Array, magic: readonly Magic[]): boolean {
  return magic.every(([start, text]) =>
    Array.from(text).every((char, i) => bytes[start + i] === char.charCodeAt(0)),
  );
}

/** The format that the first bytes of a file say. */
export function findFormat(bytes: Uint8Array): ImageFormat | undefined {
  return MAGIC.find(([, ...magic]) => matches(bytes, magic))?.[0];
}

/** What a file is that is no image to be read, when it can be told. */
export function nameOther(bytes: Uint8Array): string | undefined {
  const known = OTHERS.find(([, ...magic]) => matches(bytes, magic))?.[0];
  if (known !== undefined) return known;
  const head = Buffer.from(bytes.subarray(0, 1024)).toString("latin1").trimStart().toLowerCase();
  if (head.startsWith("<svg") || (head.startsWith("<?xml") && head.includes("<svg"))) return "SVG";
  if (head.startsWith("<!doctype html") || head.startsWith("<html")) return "HTML";
  return undefined;
}

/** How formats are named in messages. */
export function printFormats(formats: readonly ImageFormat[]): string {
  const names = formats.map((format) => (format === "webp" ? "WebP" : format.toUpperCase()));
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}
