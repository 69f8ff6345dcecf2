import type { DeploymentFacts } from "../bundle/build-bundle.js";

/** Where the parts of the image are; every path of the Dockerfile is below it. */
const HOME = "/srv/service";

/**
 * The Dockerfile of a bundle. What changes rarely comes first, so that a new model does not install
 * packages again, and new code does not send the models again.
 */
export function toDockerfile(facts: DeploymentFacts): string {
  const folders = facts.entries.filter((entry) => entry.endsWith("/"));
  const files = facts.entries.filter((entry) => !entry.endsWith("/"));
  const copyFolder = (entry: string): string => `COPY ${entry} ./${entry}`;
  const lock = facts.locked ? " package-lock.json" : "";
  const install = facts.locked ? "npm ci" : "npm install --no-save --no-package-lock";
  const lines = [
    "ARG NODE_VERSION=24",
    "",
    "FROM node:${NODE_VERSION}-slim AS packages",
    `WORKDIR ${HOME}`,
    "# What runs the bundle. A later version reads bundles of earlier ones.",
    `ARG EKIBEN=ekiben@${facts.ekiben}`,
    "# .npmrc and allowScripts in package.json keep installs to the registry alone.",
    `COPY package.json${lock} .npmrc ./`,
    // `--save-prod`: package.json has ekiben as an optional peer, which npm would leave out.
    `RUN ${install} --omit=dev && npm install --no-save --save-prod --no-package-lock --omit=dev "$EKIBEN"`,
    "",
    "FROM node:${NODE_VERSION}-slim",
    "ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000",
    `WORKDIR ${HOME}`,
    `COPY --from=packages ${HOME}/node_modules ./node_modules`,
    ...(folders.includes("models/") ? [copyFolder("models/")] : []),
    ...folders.filter((entry) => entry !== "models/").map(copyFolder),
    `COPY ${files.join(" ")} ./`,
    "USER node",
    "EXPOSE 3000",
    "HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \\",
    `  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]`,
    "# No shell in between: the signal that ends the container reaches the server, which drains.",
    'ENTRYPOINT ["node", "node_modules/ekiben/dist/sdk/cli/main.js", "serve", "."]',
  ];
  return `${lines.join("\n")}\n`;
}

export const DOCKERIGNORE = "node_modules\n*.tar.gz\n";
