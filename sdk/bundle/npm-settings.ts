/**
 * What a folder needs beside its dependencies so that npm installs ekiben and danfojs from the
 * registry alone. npm reads all three only in the root of an install, so a bundle and a user's
 * project each write them.
 */

/** onnxruntime-node ships its CPU binaries; its install script fetches CUDA from elsewhere. */
export const NPMRC = "onnxruntime-node-install=skip\n";

/** Install scripts that fetch or build what the packages already carry. */
export const ALLOW_SCRIPTS: Readonly<Record<string, boolean>> = {
  "onnxruntime-node": false,
  esbuild: false,
  zeromq: false,
  "@scarf/scarf": false,
  "core-js": false,
};

/** danfojs-node names a tarball of a CDN, a native package that downloads, and a retired one. */
export const OVERRIDES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "danfojs-node": {
    xlsx: "npm:@e965/xlsx@0.20.3",
    "@tensorflow/tfjs-node": "npm:@tensorflow/tfjs@4.22.0",
    request: "npm:@cypress/request@3.0.10",
  },
};
