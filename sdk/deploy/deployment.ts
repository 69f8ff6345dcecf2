import type { Deployment } from "../bundle/build-bundle.js";
import { DOCKERIGNORE, toDockerfile } from "./dockerfile.js";
import { toReadme } from "./readme.js";

/** What every bundle carries so that it can run in a container and tells how. */
export const deployment: Deployment = {
  containerFiles: (facts) => {
    const entries = [...facts.entries, "Dockerfile", ".dockerignore"].sort();
    return { Dockerfile: toDockerfile({ ...facts, entries }), ".dockerignore": DOCKERIGNORE };
  },
  readme: toReadme,
};
