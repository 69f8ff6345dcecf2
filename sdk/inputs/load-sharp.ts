import type sharp from "sharp";
import { EkibenError } from "../core/errors.js";

export type Sharp = typeof sharp;

/** Loads the library that reads images. @throws DEPENDENCY_MISSING */
export type LoadSharp = () => Promise<Sharp>;

let loading: Promise<Sharp> | undefined;

/** Loads sharp at the first image, so that a server without images starts without it. */
export const loadSharp: LoadSharp = () => (loading ??= prepareSharp(() => import("sharp")));

/**
 * Loads sharp for a server: what libvips keeps of past images is of no use to the next one, and
 * more images at once use the cores better than more threads an image.
 * @throws DEPENDENCY_MISSING
 */
export async function prepareSharp(load: () => Promise<{ default: Sharp }>): Promise<Sharp> {
  try {
    const { default: sharp } = await load();
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  } catch (cause) {
    const reason = (cause as Error).message.split("\n").find((line) => line.trim() !== "") ?? "";
    throw new EkibenError("DEPENDENCY_MISSING", {
      detail: `The input image() reads images with the package sharp, which could not be loaded: ${reason}`,
      hint: "Install it where the service runs, for its platform, with its optional dependencies: npm install --include=optional sharp.",
      expected: `sharp for ${process.platform}-${process.arch}`,
      cause,
    });
  }
}
