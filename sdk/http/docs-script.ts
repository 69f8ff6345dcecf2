/** The page's own script: starts Swagger UI and the copy buttons. Sent to browsers as it stands. */
export const DOCS_SCRIPT = `"use strict";
const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
paint();
dark.addEventListener("change", paint);

// Swagger UI takes a body of lines for one JSON text, and quotes it.
const lines = () => ({
  afterLoad() {
    const made = this.fn.getSampleSchema;
    this.fn.getSampleSchema = (schema, type, ...rest) =>
      made(schema, type === "application/x-ndjson" ? "text/plain" : type, ...rest);
  },
});

// It shows the bytes of most files as text; here they can be heard or kept.
const files = () => ({
  wrapComponents: {
    responseBody: (Original, { React }) => function ResponseBody(props) {
      const { content, contentType = "", url = "" } = props;
      const isFile = content instanceof Blob && content.size > 0 && !/^image[/]/.test(contentType);
      const address = React.useMemo(() => isFile ? URL.createObjectURL(content) : "", [content, isFile]);
      if (!isFile) return React.createElement(Original, props);
      const name = url.split(/[?#]/)[0].split("/").pop() || "answer";
      return React.createElement("div", { className: "file" },
        React.createElement("h5", null, "Response body"),
        /^audio[/]/.test(contentType) && React.createElement("audio", { controls: true, src: address }),
        React.createElement("a", { href: address, download: name },
          "Download " + content.size + " bytes of " + (contentType.split(";")[0] || "data")));
    },
  },
});

window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: false,
  plugins: [lines, files],
});

// Swagger UI gives the fields of a body no names that a screen reader could say.
const nameFields = () => {
  for (const field of document.querySelectorAll("#swagger-ui :is(textarea, select, input):not([aria-label])")) {
    if (field.labels && field.labels.length > 0) continue;
    const row = field.closest("[data-property-name], [data-param-name]");
    const { propertyName, paramName } = row ? row.dataset : {};
    field.setAttribute("aria-label", propertyName || paramName || "Request body");
  }
};
new MutationObserver(nameFields).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });

// Behind a proxy only the browser knows the address that others must use.
const base = new URL(".", location.href).href.replace(/\\/$/, "");
for (const command of document.querySelectorAll("pre[data-origin]")) {
  command.textContent = command.textContent.replace(command.dataset.origin, () => base);
}

// Opens what a card stands for; before Swagger UI is there the link leads to where it will be.
for (const link of document.querySelectorAll("a[data-operation]")) {
  link.addEventListener("click", (event) => {
    const block = [...document.querySelectorAll("#swagger-ui .opblock")]
      .find((one) => one.id === "operations-APIs-" + link.dataset.operation);
    const control = block && block.querySelector(".opblock-summary-control");
    if (!control) return;
    event.preventDefault();
    if (control.getAttribute("aria-expanded") !== "true") control.click();
    block.scrollIntoView({ block: "start" });
    control.focus({ preventScroll: true });
  });
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy).textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Copy failed";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}
`;

/** A box with its compartments. */
export const DOCS_ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect x="2" y="4" width="28" height="24" rx="5" fill="#8c2f2b"/>
<rect x="5" y="7" width="12" height="18" rx="2.5" fill="#fbf6ec"/>
<circle cx="11" cy="16" r="2.6" fill="#c8473f"/>
<rect x="19" y="7" width="8" height="8" rx="2" fill="#e9b44c"/>
<rect x="19" y="17" width="8" height="8" rx="2" fill="#6f9a63"/>
</svg>
`;
