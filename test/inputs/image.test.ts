import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import { image, createImageInput, type ImageFile } from "../../sdk/inputs/image.js";
import type { ImageOptions } from "../../sdk/inputs/image-options.js";
import type { Input, RequestBody } from "../../sdk/inputs/input.js";
import { loadSharp, prepareSharp } from "../../sdk/inputs/load-sharp.js";
import { parseMediaType } from "../../sdk/inputs/media-type.js";
import { createTensorArray, type TensorArray } from "../../sdk/tensor/tensor-array.js";
import type { NamedTensor } from "../../sdk/tensor/named-tensor.js";
import { describeInput } from "../contracts/input.js";

const fixtures = new URL("../fixtures/images/", import.meta.url);
const define = image as (options?: ImageOptions) => Input;

const fixture = (file: string): Buffer => readFileSync(new URL(file, fixtures));

function bodyOf(bytes: Uint8Array | string, mediaType = ""): RequestBody {
  return { bytes: Buffer.from(bytes as string), ...parseMediaType(mediaType) };
}

async function read(
  options: ImageOptions,
  bytes: Uint8Array | string,
  mediaType?: string,
): Promise<TensorArray> {
  const input = define(options);
  return input.toArgument(await input.parse(bodyOf(bytes, mediaType))) as TensorArray;
}

async function errorOf(run: () => unknown): Promise<EkibenError> {
  try {
    await run();
  } catch (error) {
    expect(error).toBeInstanceOf(EkibenError);
    return error as EkibenError;
  }
  throw new Error("nothing was refused");
}

/** A picture from its levels, row by row. */
function picture(width: number, channels: 1 | 2 | 3 | 4, levels: readonly number[]): Sharp {
  const height = levels.length / width / channels;
  return sharp(Uint8Array.from(levels), { raw: { width, height, channels } });
}

const digits = ["digit_00_0.png", "digit_04_4.png", "rgb_4.png", "alpha_2.png", "gray16_9.png"];
const tiny = [
  await picture(2, 3, [1, 2, 3, 4, 5, 6]).png().toBuffer(),
  await picture(1, 2, [7, 8]).png().toBuffer(),
  await picture(3, 4, [...Buffer.from("0123456789abcdefghijklmn")])
    .png()
    .toBuffer(),
];
const notImages = [
  bodyOf("", "image/png"),
  bodyOf("hello", "image/png"),
  bodyOf("hello"),
  bodyOf(fixture("truncated_0.png"), "image/png"),
  bodyOf("<svg xmlns='http://www.w3.org/2000/svg'/>", "image/png"),
  bodyOf("<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
  bodyOf("[1]", "application/json"),
  bodyOf('"!"', "application/json"),
  bodyOf("{}", "application/json"),
  bodyOf('{"b64": "aGVsbG8="}', "application/json"),
  bodyOf("", "application/json"),
  bodyOf("x", "multipart/form-data; boundary=b"),
];

describeInput("image of one size", () => ({
  input: image({ size: { width: 5, height: 4 }, layout: "CHW", scale: 1 / 255 }),
  samples: digits.map(fixture),
  itemsOf: (argument) => {
    const stack = argument as TensorArray;
    const rows = Array.from({ length: stack.dims[0]! }, (_, i) => stack.row(i).slice());
    return rows.map((row) => createTensorArray(row as never, stack.dims.slice(1)));
  },
  broken: notImages,
}));

describeInput("image of any size", () => ({
  input: image(),
  samples: tiny,
  itemsOf: (argument) => argument as unknown[],
  broken: notImages,
}));

describeInput("image as a file", () => ({
  input: image({ raw: true }),
  samples: tiny,
  itemsOf: (argument) => argument as unknown[],
  broken: notImages,
}));

describe("an image comes", () => {
  const bytes = fixture("rgb_4.png");
  const b64 = bytes.toString("base64");
  const lines = b64.replace(/.{76}/g, "$&\r\n");
  const form = (part: string): Buffer =>
    Buffer.concat([
      Buffer.from(
        `--b\r\ncontent-disposition: form-data; name="image"; filename="4.png"\r\n${part}\r\n`,
      ),
      bytes,
      Buffer.from("\r\n--b--\r\n"),
    ]);
  let expected: TensorArray;
  beforeAll(async () => {
    expected = await read({}, bytes, "image/png");
    expect(expected.dims).toEqual([28, 28, 3]);
  });

  it.each<[string, Uint8Array | string, string]>([
    ["without a content type", bytes, ""],
    ["as any bytes", bytes, "application/octet-stream"],
    ["under the name of another kind of image", bytes, "image/jpeg"],
    ["under an old name", bytes, "image/x-png"],
    ["as base64", JSON.stringify(b64), "application/json"],
    ["as base64 without padding", JSON.stringify(b64.replaceAll("=", "")), "application/json"],
    ["as base64 in lines", JSON.stringify(lines), "application/json"],
    ["as a data URL", JSON.stringify(`data:image/png;base64,${b64}`), "application/json"],
    ["in the field b64", JSON.stringify({ b64 }), "application/json"],
    [
      "in the field image",
      JSON.stringify({ image: `data:;base64,${b64}` }),
      "application/vnd.x+json",
    ],
    ["as JSON without a content type", ` ${JSON.stringify({ b64 })}`, ""],
    [
      "as the file of a form",
      form("content-type: image/png\r\n"),
      "multipart/form-data; boundary=b",
    ],
    [
      "as any file of a form",
      form("content-type: application/octet-stream\r\n"),
      "multipart/form-data; boundary=b",
    ],
  ])("%s", async (_, body, mediaType) => {
    expect(await read({}, body, mediaType)).toEqual(expected);
  });

  it("as a value of JSON that another protocol read", async () => {
    const input = define();
    expect(input.toArgument(await input.parseJson!({ b64 }))).toEqual(expected);
  });

  it("as one string of the Open Inference Protocol", async () => {
    const input = define();
    expect(input.describeTensors!()).toEqual([{ name: "image", dtype: "string", shape: [null] }]);
    for (const dims of [[], [1], [1, 1]]) {
      const payload = await input.parseTensors!([{ name: "x", type: "string", dims, data: [b64] }]);
      expect(input.toArgument(payload)).toEqual(expected);
    }
    const pixels = {
      name: "x",
      type: "uint8",
      dims: [2],
      data: new Uint8Array(2),
    } satisfies NamedTensor;
    const two = { name: "x", type: "string", dims: [2], data: [b64, b64] } satisfies NamedTensor;
    const lists: NamedTensor[][] = [[], [pixels], [two], [two, two]];
    for (const wrong of lists) {
      const error = await errorOf(() => input.parseTensors!(wrong));
      expect(error.code).toBe("INPUT_INVALID");
      expect(error.message).toContain("one tensor of one string");
    }
  });

  it("is written under the media type that its bytes say", () => {
    const type = (file: string): string => define().encode(fixture(file)).mediaType;
    expect([type("rgb_4.png"), type("photo_0.jpg")]).toEqual(["image/png", "image/jpeg"]);
    expect(define().encode(Buffer.from("hello")).mediaType).toBe("application/octet-stream");
    expect(define().encode({ b64 })).toEqual({
      bytes: Buffer.from(JSON.stringify({ b64 })),
      mediaType: "application/json",
    });
  });
});

describe("a file of each kind", () => {
  // Two levels in blocks that JPEG keeps.
  const levels = Array.from({ length: 16 * 16 }, (_, i) =>
    i % 16 < 8 ? [255, 0, 0] : [0, 0, 255],
  );
  const source = picture(16, 3, levels.flat());

  it.each(["png", "jpeg", "webp", "gif", "tiff"] as const)("is read: %s", async (format) => {
    const bytes = await source.clone().toFormat(format).toBuffer();
    const input = define({ formats: [format] });
    expect(input.mediaTypes[0]).toBe(`image/${format}`);
    const found = await read({ formats: [format] }, bytes, `image/${format}`);
    expect(found.dims).toEqual([16, 16, 3]);
    for (const [at, expected] of [
      [0, [255, 0, 0]],
      [16 * 16 - 1, [0, 0, 255]],
    ] as const) {
      const pixel = Array.from(found.slice(at * 3, at * 3 + 3));
      pixel.forEach((level, i) => expect(Math.abs(level - expected[i]!)).toBeLessThanOrEqual(3));
    }
  });

  it.each(["png", "jpeg", "webp", "gif", "tiff"] as const)(
    "is refused where it breaks off: %s",
    async (format) => {
      const noise = { type: "gaussian", mean: 128, sigma: 50 } as const;
      const create = { width: 64, height: 64, channels: 3, background: "black", noise } as const;
      const bytes = await sharp({ create }).toFormat(format).toBuffer();
      for (const raw of [false, true]) {
        for (const part of [0.3, 0.6, 0.9]) {
          const cut = bytes.subarray(0, Math.floor(bytes.length * part));
          const error = await errorOf(() => read({ raw }, cut));
          expect(error.code).toBe("BODY_MALFORMED");
          expect(error.message).toMatch(/begins as \w+, but its \d+ bytes cannot be decoded/);
        }
      }
    },
  );

  it("is refused as a file wherever its pixels are refused", async () => {
    const noise = { type: "gaussian", mean: 128, sigma: 50 } as const;
    const create = { width: 40, height: 30, channels: 3, background: "black", noise } as const;
    const bytes = await sharp({ create }).jpeg().toBuffer();
    let refused = 0;
    for (let at = bytes.length - 900; at < bytes.length - 2; at += 9) {
      const damaged = Uint8Array.from(bytes);
      damaged[at]! ^= 0x10;
      const [asPixels, asFile] = await Promise.allSettled([
        read({}, damaged),
        read({ raw: true }, damaged),
      ]);
      expect(asFile.status).toBe(asPixels.status);
      if (asFile.status === "rejected") refused++;
    }
    expect(refused).toBeGreaterThan(10);
  });

  it("is read, or refused, whatever comes beside it", async () => {
    const input = image({ size: { width: 8, height: 8 } });
    const good = ["digit_00_0.png", "photo_rgb_5.jpg", "palette_6.png"].map(fixture);
    const expected = await Promise.all(
      good.map((bytes) => read({ size: { width: 8, height: 8 } }, bytes)),
    );
    for (let round = 0; round < 10; round += 1) {
      const mixed = good.flatMap((bytes) => [bytes, bytes.subarray(0, bytes.length * 0.6)]);
      const found = await Promise.allSettled(mixed.map((bytes) => input.parse(bodyOf(bytes))));
      found.forEach((one, i) => {
        if (one.status === "fulfilled") {
          expect(input.toArgument(one.value)).toEqual(expected[i / 2]);
        } else {
          expect(i % 2).toBe(1);
          const kind = i === 3 ? "JPEG" : "PNG";
          expect((one.reason as EkibenError).facts.detail).toContain(`begins as ${kind}, but its`);
        }
      });
    }
  });

  it("is refused when its kind is not asked for", async () => {
    const bytes = await source.clone().gif().toBuffer();
    const error = await errorOf(() => read({ formats: ["png", "jpeg"] }, bytes));
    expect([error.code, error.message]).toEqual([
      "MEDIA_TYPE_UNSUPPORTED",
      "The image is GIF, which is not read here. Send PNG or JPEG.",
    ]);
  });

  it.each<[string, Uint8Array | string]>([
    ["SVG", "<svg xmlns='http://www.w3.org/2000/svg'/>"],
    ["SVG", "<?xml version='1.0'?>\n<!-- x --><svg/>"],
    ["PDF", "%PDF-1.7"],
    ["HEIC", "\0\0\0\x18ftypheic"],
    ["AVIF", "\0\0\0\x18ftypavif"],
    ["a video", "\0\0\0\x18ftypmp42"],
    ["BMP", "BM0000"],
    ["HTML", "<!DOCTYPE html>"],
    ["an archive", "PK\x03\x04"],
  ])("is refused by name when it is %s", async (name, bytes) => {
    const error = await errorOf(() => read({}, bytes, "image/png"));
    expect([error.code, error.message]).toEqual([
      "MEDIA_TYPE_UNSUPPORTED",
      `The image is ${name}, which is not read here. Send PNG, JPEG, WebP, GIF or TIFF.`,
    ]);
  });

  it("is refused when it begins as none", async () => {
    const error = await errorOf(() => read({}, "hello", "image/png"));
    expect([error.code, error.message]).toEqual([
      "BODY_MALFORMED",
      "The 5 bytes that came begin as no image does, with 68656c6c6f. Send PNG, JPEG, WebP, GIF or TIFF.",
    ]);
    expect((await errorOf(() => read({}, "", "image/png"))).message).toContain("0 bytes came");
  });

  it("is read from its first frame or page", async () => {
    const red = { create: { width: 4, height: 4, channels: 3, background: "red" } } as const;
    const blue = { create: { width: 4, height: 4, channels: 3, background: "blue" } } as const;
    const frames = [await sharp(red).png().toBuffer(), await sharp(blue).png().toBuffer()];
    for (const format of ["gif", "webp", "tiff"] as const) {
      const bytes = await sharp(frames, { join: { animated: true } })
        .toFormat(format, format === "webp" ? { lossless: true } : {})
        .toBuffer();
      const found = await read({}, bytes);
      expect(found.dims).toEqual([4, 4, 3]);
      expect([found[0]! > 250, found[1], found[2]]).toEqual([true, 0, 0]);
      const input = image({ raw: true });
      const file = input.toArgument(await input.parse(bodyOf(bytes)));
      expect([file.width, file.height]).toEqual([4, 4]);
    }
  });
});

describe("the pixels of an image", () => {
  const rgb = picture(2, 3, [10, 20, 30, 40, 50, 60]).png().toBuffer();

  it("are levels, row by row, pixel by pixel", async () => {
    const found = await read({}, await rgb);
    expect(found).toEqual(Uint8Array.of(10, 20, 30, 40, 50, 60));
    expect(found.dims).toEqual([1, 2, 3]);
  });

  it("are planes in the layout CHW", async () => {
    const found = await read({ layout: "CHW" }, await rgb);
    expect(found).toEqual(Uint8Array.of(10, 40, 20, 50, 30, 60));
    expect(found.dims).toEqual([3, 1, 2]);
  });

  it("are gray as Pillow makes them", async () => {
    // Pillow 12: Image.new("RGB", (1, 1), color).convert("L")
    const colors = [255, 0, 0, 0, 255, 0, 0, 0, 255, 200, 30, 60, 1, 2, 3];
    const found = await read({ channels: 1 }, await picture(5, 3, colors).png().toBuffer());
    expect(found).toEqual(Uint8Array.of(76, 150, 29, 84, 2));
    expect(found.dims).toEqual([1, 5, 1]);
  });

  it("are scaled and normalized a channel, as float32", async () => {
    const mean = [0.485, 0.456, 0.406];
    const std = [0.229, 0.224, 0.225];
    const found = await read({ layout: "CHW", scale: 1 / 255, mean, std }, await rgb);
    const expected = [10, 40, 20, 50, 30, 60].map((level, i) => {
      const channel = Math.floor(i / 2);
      return (level / 255 - mean[channel]!) / std[channel]!;
    });
    expect(found).toBeInstanceOf(Float32Array);
    found.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6));
    expect(await read({ mean: 10, std: 5 }, await rgb)).toEqual(Float32Array.of(0, 2, 4, 6, 8, 10));
    expect(await read({ dtype: "float32" }, await rgb)).toEqual(
      Float32Array.of(10, 20, 30, 40, 50, 60),
    );
  });

  it("are float32(v) / 255 to the last bit with the scale 1 / 255", async () => {
    const all = Array.from({ length: 256 }, (_, level) => level);
    const found = await read(
      { channels: 1, scale: 1 / 255 },
      await picture(16, 1, all).png().toBuffer(),
    );
    expect(found).toEqual(Float32Array.from(all, (level) => Math.fround(level / 255)));
  });

  it("lie over the background where they are transparent", async () => {
    const half = await picture(2, 4, [255, 255, 255, 0, 200, 100, 0, 128]).png().toBuffer();
    expect(await read({}, half)).toEqual(Uint8Array.of(0, 0, 0, 100, 50, 0));
    expect(await read({ background: [0, 0, 255] }, half)).toEqual(
      Uint8Array.of(0, 0, 255, 100, 50, 127),
    );
    expect(await read({ channels: 4 }, half)).toEqual(
      Uint8Array.of(255, 255, 255, 0, 200, 100, 0, 128),
    );
    expect(await read({ channels: 4 }, await rgb)).toEqual(
      Uint8Array.of(10, 20, 30, 255, 40, 50, 60, 255),
    );
    const gray = await picture(2, 2, [100, 255, 100, 0]).toColourspace("b-w").png().toBuffer();
    expect(await read({ channels: 1 }, gray)).toEqual(Uint8Array.of(100, 0));
  });

  it("are the upper 8 of 16 bits", async () => {
    const levels = Uint16Array.from({ length: 256 }, (_, i) => i * 257 - (i % 3));
    const raw = { width: 16, height: 16, channels: 1 } as const;
    const gray = sharp(levels, { raw }).toColourspace("grey16");
    const bytes = await gray.png().toBuffer();
    expect((await sharp(bytes).metadata()).depth).toBe("ushort");
    expect(await read({ channels: 1 }, bytes)).toEqual(Uint8Array.from(levels, (v) => v >> 8));
  });

  it("have colors where the file has the inks of a printer", async () => {
    const create = {
      width: 8,
      height: 8,
      channels: 3,
      background: { r: 200, g: 30, b: 60 },
    } as const;
    const bytes = await sharp({ create }).toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe("cmyk");
    const found = await read({}, bytes);
    [200, 30, 60].forEach((level, i) => expect(Math.abs(found[i]! - level)).toBeLessThan(16));
  });

  it("are those that are stored, whatever color profile is with them", async () => {
    const bytes = await picture(1, 3, [10, 200, 30]).withIccProfile("p3").png().toBuffer();
    const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
    expect((await sharp(bytes).metadata()).icc).toBeDefined();
    expect(Array.from(await read({}, bytes))).toEqual(Array.from(stored));
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "are turned upright from the orientation %i",
    async (orientation) => {
      // Upright: 2 wide, 3 high, each corner another gray.
      const upright = [0, 50, 100, 150, 200, 250];
      const at = (x: number, y: number): number => upright[y * 2 + x]!;
      const w = 2;
      const h = 3;
      // Where each stored pixel lies upright, from the definition of the orientations (EXIF 2.3, 4.6.4).
      const places: Record<number, (x: number, y: number) => number> = {
        1: (x, y) => at(x, y),
        2: (x, y) => at(w - 1 - x, y),
        3: (x, y) => at(w - 1 - x, h - 1 - y),
        4: (x, y) => at(x, h - 1 - y),
        5: (x, y) => at(y, x),
        6: (x, y) => at(w - 1 - y, x),
        7: (x, y) => at(w - 1 - y, h - 1 - x),
        8: (x, y) => at(y, h - 1 - x),
      };
      const [width, height] = orientation > 4 ? [h, w] : [w, h];
      const stored = Array.from({ length: 6 }, (_, i) =>
        places[orientation]!(i % width, Math.floor(i / width)),
      );
      const bytes = await picture(width, 1, stored).withMetadata({ orientation }).png().toBuffer();
      for (const fit of [undefined, "fill", "cover", "contain"] as const) {
        const size = fit && { width: 2, height: 3, fit };
        const found = await read({ channels: 1, ...(size && { size }) }, bytes);
        expect(found.dims).toEqual([3, 2, 1]);
        expect(Array.from(found)).toEqual(upright);
      }
      const asStored = await read({ channels: 1, orient: false }, bytes);
      expect([asStored.dims, Array.from(asStored)]).toEqual([[height, width, 1], stored]);
    },
  );
});

describe("the size of an image", () => {
  const row = [0, 100, 200, 40];
  const strip = picture(4, 1, row).png().toBuffer();
  const resize = async (size: ImageOptions["size"], bytes: Buffer): Promise<number[]> => {
    const found = await read({ channels: 1, size: size! }, bytes);
    expect(found.dims).toEqual([size!.height, size!.width, 1]);
    return Array.from(found);
  };

  // Pillow 12: Image.fromarray(row).resize((n, 1), filter)
  it.each([
    ["bilinear", 7, [0, 36, 93, 150, 189, 97, 40]],
    ["bicubic", 7, [0, 26, 92, 166, 196, 92, 27]],
    ["lanczos", 7, [0, 20, 88, 187, 192, 94, 18]],
  ] as const)("is enlarged to what Pillow makes, %s", async (filter, width, expected) => {
    expect(await resize({ width, height: 1, filter }, await strip)).toEqual(expected);
  });

  it.each([
    ["bilinear", [74, 145, 119, 162, 188, 140, 190, 177], 0],
    ["bicubic", [71, 151, 117, 160, 192, 135, 192, 175], 2],
    ["lanczos", [68, 157, 114, 157, 196, 132, 194, 175], 3],
    ["bilinear", [60, 132, 148, 111, 174, 195, 137, 165, 193, 175], 1],
    ["bicubic", [55, 138, 152, 100, 177, 198, 137, 162, 198, 171], 1],
    ["lanczos", [53, 143, 153, 96, 174, 202, 136, 159, 203, 168], 2],
  ] as const)("is shrunk to near what Pillow makes, %s to %j", async (filter, expected, most) => {
    const levels = Array.from({ length: 24 }, (_, i) => (i * i * 37 + i * 11) % 256);
    const bytes = await picture(24, 1, levels).png().toBuffer();
    const found = await resize({ width: expected.length, height: 1, filter }, bytes);
    found.forEach((level, i) => {
      // libvips goes on past an edge with its last pixel, Pillow with nothing.
      const edge = i === 0 || i === found.length - 1;
      expect(Math.abs(level - expected[i]!)).toBeLessThanOrEqual(edge ? 8 : most);
    });
  });

  it("is reached on each side on its own", async () => {
    const bytes = await picture(4, 1, [...row, ...row, ...row, ...row])
      .png()
      .toBuffer();
    const found = await resize({ width: 8, height: 2 }, bytes);
    const wide = await resize({ width: 8, height: 1 }, await strip);
    expect(found).toEqual([...wide, ...wide]);
  });

  it("is filled with the middle of the image where it has to cover", async () => {
    const bytes = await picture(6, 1, [9, 1, 2, 3, 4, 9, 9, 5, 6, 7, 8, 9]).png().toBuffer();
    expect(await resize({ width: 4, height: 2, fit: "cover" }, bytes)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    // Enlarged by 2: the middle two columns of the four.
    const four = await resize({ width: 4, height: 4, fit: "cover" }, bytes);
    const all = await resize({ width: 12, height: 4 }, bytes);
    const middle = Array.from({ length: 16 }, (_, i) => all[Math.floor(i / 4) * 12 + 4 + (i % 4)]!);
    expect(four).toEqual(middle);
  });

  it("has a border where it has to contain", async () => {
    const bytes = await picture(4, 1, row).png().toBuffer();
    const size = { width: 4, height: 3, fit: "contain" } as const;
    const found = await read({ size, background: [7, 8, 9] }, bytes);
    const border = [7, 8, 9, 7, 8, 9, 7, 8, 9, 7, 8, 9];
    const inner = row.flatMap((level) => [level, level, level]);
    expect(Array.from(found)).toEqual([...border, ...inner, ...border]);
    const alpha = await read({ size, channels: 4 }, bytes);
    expect(Array.from(alpha.slice(0, 4))).toEqual([0, 0, 0, 255]);
  });

  it("is one pixel of a strip, however long", async () => {
    const long = picture(
      3000,
      1,
      Array.from({ length: 3000 }, () => 77),
    );
    for (const fit of ["fill", "cover", "contain"] as const) {
      const found = await resize({ width: 8, height: 8, fit }, await long.clone().png().toBuffer());
      expect(Math.max(...found)).toBe(77);
    }
  });

  it("is near that of exact decoding where decoders may leave out detail", async () => {
    const wave = Uint8Array.from(
      { length: 400 * 300 },
      (_, i) => 128 + 100 * Math.sin((i % 400) / 40),
    );
    const bytes = await sharp(wave, { raw: { width: 400, height: 300, channels: 1 } })
      .jpeg()
      .toBuffer();
    const size = { width: 40, height: 30 };
    const exact = await resize(size, bytes);
    const fast = await resize({ ...size, shrinkOnLoad: true }, bytes);
    const off = exact.map((level, i) => Math.abs(level - fast[i]!));
    expect(Math.max(...off)).toBeLessThan(16);
  });
});

/** A PNG whose header claims another size. */
function claimSize(png: Buffer, width: number, height: number): Buffer {
  const bytes = Buffer.from(png);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return bytes;
}

describe("an image that is too large", () => {
  it.each([
    {},
    { size: { width: 4, height: 4 } },
    { size: { width: 4, height: 4, fit: "cover" } },
    { raw: true },
  ] as const)("is refused by its header, before it is decoded: %j", async (options) => {
    const bomb = claimSize(fixture("rgb_4.png"), 60_000, 60_000);
    const before = process.memoryUsage().rss;
    const error = await errorOf(() => read(options, bomb));
    expect(error.code).toBe("INPUT_INVALID");
    const most = "size" in options ? 50_000_000 : 16_777_216;
    expect(error.message).toBe(
      `The image is 60000 × 60000 pixels large, more than the ${most} pixels that are read here. Send a smaller image.`,
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
  });

  it("has as many pixels as the author allows", async () => {
    const bytes = fixture("rgb_4.png");
    expect((await read({ maxPixels: 784 }, bytes)).dims).toEqual([28, 28, 3]);
    const error = await errorOf(() => read({ maxPixels: 783 }, bytes));
    expect([error.facts.expected, error.facts.received]).toEqual(["at most 783 pixels", "28 × 28"]);
  });

  it("is a damaged one when its bytes do not bear out its header", async () => {
    const claim = claimSize(fixture("rgb_4.png"), 1000, 1000);
    expect((await errorOf(() => read({}, claim))).code).toBe("BODY_MALFORMED");
  });

  it("is one whose levels have no known range", async () => {
    const floats = Float32Array.of(0.5, 1e6, -3, 0);
    const raw = { width: 2, height: 2, channels: 1 } as const;
    const bytes = await sharp(floats, { raw })
      .toColourspace("b-w")
      .raw({ depth: "float" })
      .toBuffer({ resolveWithObject: true })
      .then(({ data }) => floatTiff(data));
    const error = await errorOf(() => read({}, bytes));
    expect([error.code, error.facts.received]).toEqual(["INPUT_INVALID", "float"]);
  });
});

/** A TIFF of 2 × 2 gray floats (TIFF 6.0, section 2). */
function floatTiff(levels: Buffer): Buffer {
  const entries: [tag: number, type: number, value: number][] = [
    [256, 3, 2],
    [257, 3, 2],
    [258, 3, 32],
    [259, 3, 1],
    [262, 3, 1],
    [273, 4, 8],
    [277, 3, 1],
    [278, 3, 2],
    [279, 4, 16],
    [339, 3, 3],
  ];
  const bytes = Buffer.alloc(8 + 16 + 2 + entries.length * 12 + 4);
  bytes.write("II*\0", 0, "latin1");
  bytes.writeUInt32LE(24, 4);
  levels.copy(bytes, 8, 0, 16);
  bytes.writeUInt16LE(entries.length, 24);
  entries.forEach(([tag, type, value], i) => {
    const at = 26 + i * 12;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(type, at + 2);
    bytes.writeUInt32LE(1, at + 4);
    if (type === 3) bytes.writeUInt16LE(value, at + 8);
    else bytes.writeUInt32LE(value, at + 8);
  });
  return bytes;
}

describe("the file of an image", () => {
  it("is the one that came, with what its header says", async () => {
    const bytes = fixture("exif6_7.jpg");
    const input = image({ raw: true });
    const file: ImageFile = input.toArgument(await input.parse(bodyOf(bytes, "image/png")));
    expect(file).toEqual({
      bytes: Uint8Array.from(bytes),
      format: "jpeg",
      mediaType: "image/jpeg",
      width: 28,
      height: 28,
      channels: 1,
    });
    file.bytes.fill(0);
    const again = input.merge([await input.parse(bodyOf(bytes))]);
    expect(Buffer.from(again[0]!.bytes).equals(bytes)).toBe(true);
  });

  it("is not changed by a handler for those who ask for it again", async () => {
    const bytes = fixture("rgb_4.png");
    const input = image({ raw: true });
    const payload = await input.parse(bodyOf(bytes));
    input.toArgument(payload).bytes.fill(0);
    expect(Buffer.from(input.toArgument(payload).bytes).equals(bytes)).toBe(true);
  });

  it("has the size of the upright image", async () => {
    const bytes = await picture(3, 1, [1, 2, 3]).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    for (const [orient, size] of [
      [true, [1, 3]],
      [false, [3, 1]],
    ] as const) {
      const input = image({ raw: true, orient });
      const file = input.toArgument(await input.parse(bodyOf(bytes)));
      expect([file.width, file.height]).toEqual(size);
    }
  });
});

describe("without the library", () => {
  it("an image is answered with what is to be installed, and nothing else is loaded", async () => {
    const load = (): ReturnType<typeof loadSharp> =>
      prepareSharp(() =>
        Promise.reject(
          new Error('\nCould not load the "sharp" module using the linux-x64 runtime\nmore'),
        ),
      );
    const input = createImageInput({}, load);
    const error = await errorOf(() => input.parse(bodyOf(fixture("rgb_4.png"))));
    expect(error.code).toBe("DEPENDENCY_MISSING");
    expect(error.facts.detail).toBe(
      'The input image() reads images with the package sharp, which could not be loaded: Could not load the "sharp" module using the linux-x64 runtime',
    );
  });

  it("what is no image is refused all the same", async () => {
    const input = createImageInput({}, () => Promise.reject(new Error("not asked for")));
    expect((await errorOf(() => input.parse(bodyOf("hello")))).code).toBe("BODY_MALFORMED");
  });

  it("libvips keeps nothing of past images, and has one thread an image", async () => {
    const loaded = await loadSharp();
    expect([loaded.cache().memory.max, loaded.cache().items.max, loaded.concurrency()]).toEqual([
      0, 0, 1,
    ]);
  });
});

describe("the definition of an image", () => {
  it.each<[unknown, string]>([
    [null, "it takes an object"],
    [{ sise: {} }, 'Did you mean "size"?'],
    [{ size: {} }, "`size.width` is undefined"],
    [{ size: { width: 0, height: 1 } }, "`size.width` is 0"],
    [{ size: { width: 1, height: 20_000 } }, "`size.height` is 20000"],
    [{ size: { width: 1, height: 1, fit: "inside" } }, 'there is no fit "inside"'],
    [{ size: { width: 1, height: 1, filter: "linear" } }, 'there is no filter "linear"'],
    [{ size: { width: 1, height: 1, kernel: "linear" } }, 'there is no option "kernel"'],
    [{ channels: 2 }, "`channels` is 2, not 1, 3 or 4"],
    [{ layout: "NCHW" }, 'there is no layout "NCHW". Did you mean "CHW"?'],
    [{ dtype: "uint8", scale: 2 }, 'Set dtype: "float32".'],
    [{ dtype: "float64" }, 'there is no dtype "float64"'],
    [{ scale: 0 }, "`scale` is 0"],
    [{ mean: [1, 2] }, "`mean` is not one number, or 3"],
    [{ channels: 1, std: 0 }, "`std` is not a number other than 0"],
    [{ background: [0, 0, 256] }, "`background` is not a color"],
    [{ background: "white" }, "`background` is not a color"],
    [{ maxPixels: 0.5 }, "`maxPixels` is 0.5"],
    [{ formats: [] }, "`formats` names no format"],
    [{ formats: ["jpg"] }, 'there is no format "jpg"'],
    [{ orient: 1 }, "`orient` is number"],
    [{ raw: true, layout: "CHW" }, "there is no tensor that `layout` could say something of"],
  ])("refuses %j", async (options, message) => {
    const error = await errorOf(() => define(options as ImageOptions));
    expect(error.code).toBe("SERVICE_INVALID");
    expect(error.message).toContain(message);
  });
});
