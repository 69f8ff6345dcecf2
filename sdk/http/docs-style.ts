/** The page's own style, laid over that of Swagger UI. Sent to browsers as it stands. */
export const DOCS_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #faf8f4; --card: #ffffff; --ink: #23211f; --soft: #6b655e; --line: #e4dfd6;
  --accent: #8c2f2b; --accent-soft: #f6e9e6; --good: #3f7245; --good-soft: #e6f0e4;
  --warn: #8a5a00; --warn-soft: #fbefd5; --code: #f4f1ea;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #1c1b1a; --card: #252422; --ink: #ece8e1; --soft: #a59e94; --line: #3a3835;
    --accent: #e58a80; --accent-soft: #3a2523; --good: #8fc58f; --good-soft: #22331f;
    --warn: #e9b44c; --warn-soft: #3a2f19; --code: #1f1e1c;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 var(--sans); }
header, main, footer { max-width: 1040px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 40px; }
.title { display: flex; flex-wrap: wrap; align-items: center; gap: 10px 14px; }
h1 { margin: 0; font-size: 30px; line-height: 1.2; letter-spacing: -0.015em; overflow-wrap: anywhere; }
h2 { margin: 40px 0 12px; font-size: 13px; font-weight: 600; letter-spacing: 0.08em;
  text-transform: uppercase; color: var(--soft); }
h3 { margin: 0; display: flex; flex-wrap: wrap; align-items: center; gap: 10px; font-size: 17px; }
h3 code { background: none; padding: 0; overflow-wrap: anywhere; }
p { margin: 8px 0 0; }
.description { max-width: 70ch; color: var(--soft); font-size: 17px; }
code, pre { font-family: var(--mono); font-size: 0.88em; }
code { background: var(--code); padding: 2px 6px; border-radius: 4px; }
.chip { padding: 2px 10px; border: 1px solid var(--line); border-radius: 999px;
  background: var(--card); font: 13px/1.5 var(--mono); color: var(--soft); overflow-wrap: anywhere; }
.state { border-color: transparent; background: var(--warn-soft); color: var(--warn); }
.state.ready { background: var(--good-soft); color: var(--good); }
nav { display: flex; flex-wrap: wrap; gap: 4px 20px; margin-top: 14px; padding-bottom: 20px;
  border-bottom: 1px solid var(--line); }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
a:focus-visible, button:focus-visible, pre:focus-visible {
  outline: 2px solid var(--accent); outline-offset: 2px; }
article, .models li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
article { padding: 18px 20px; }
article + article { margin-top: 14px; }
.method { padding: 3px 9px; border-radius: 5px; background: var(--accent-soft);
  color: var(--accent); font: 600 12px/1.5 var(--mono); }
.limits { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 10px 0 0; padding: 0;
  list-style: none; color: var(--soft); font-size: 14px; }
.command { position: relative; margin-top: 14px; }
.command pre { margin: 0; padding: 14px 84px 14px 16px; max-height: 260px; overflow: auto;
  border-radius: 8px; background: var(--code); white-space: pre-wrap; overflow-wrap: anywhere; }
.command button { position: absolute; top: 8px; right: 8px; padding: 3px 12px; cursor: pointer;
  border: 1px solid var(--line); border-radius: 6px; background: var(--card); color: var(--soft);
  font: 13px/1.5 var(--sans); }
.command button:hover { color: var(--ink); }
.models { display: grid; gap: 10px; margin: 0; padding: 0; list-style: none; }
.models li { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 12px; padding: 12px 20px; }
.tensors { display: inline-flex; flex-wrap: wrap; align-items: center; gap: 6px; color: var(--soft);
  font-size: 14px; }
.tensors code { overflow-wrap: anywhere; }
.empty { color: var(--soft); }
footer { padding-top: 32px; padding-bottom: 40px; color: var(--soft); font-size: 13px; }

/* Swagger UI: its own title, server choice and wide paddings say nothing that is not above. */
.swagger-ui { font-family: var(--sans); }
.swagger-ui .wrapper { padding: 0; max-width: none; }
.swagger-ui .information-container, .swagger-ui .scheme-container { display: none; }
.swagger-ui .opblock-tag { padding: 8px 0; border: 0; font: 600 16px/1.4 var(--sans); color: var(--ink); }
.swagger-ui .opblock-tag small { font: 14px/1.4 var(--sans); color: var(--soft); }
.swagger-ui .opblock { border-radius: 10px; border-color: var(--line); background: var(--card);
  box-shadow: none; overflow: hidden; }
.swagger-ui .opblock .opblock-summary { border-color: var(--line); padding: 8px 12px; }
.swagger-ui .opblock .opblock-summary-method { border-radius: 5px; min-width: 64px; padding: 4px 0;
  background: var(--accent-soft); color: var(--accent); text-shadow: none; font: 600 12px/1.5 var(--mono); }
.swagger-ui .opblock.opblock-get .opblock-summary-method { background: var(--good-soft); color: var(--good); }
.swagger-ui .opblock .opblock-summary-path, .swagger-ui .opblock .opblock-summary-path a {
  font: 15px/1.5 var(--mono); color: var(--ink); }
.swagger-ui .opblock .opblock-summary-description { font: 14px/1.5 var(--sans); color: var(--soft); }
.swagger-ui .opblock .opblock-section-header { background: var(--code); box-shadow: none; min-height: 44px; }
.swagger-ui .opblock-description-wrapper p, .swagger-ui .markdown p { font: 14px/1.6 var(--sans); color: var(--soft); }
.swagger-ui .btn { box-shadow: none; border-radius: 6px; font-family: var(--sans); }
.swagger-ui .btn.execute { background: var(--accent); border-color: var(--accent); color: var(--card); }
.swagger-ui table tbody tr td, .swagger-ui table thead tr th { font-family: var(--sans); }
.swagger-ui textarea { background: var(--code); color: var(--ink); border-color: var(--line);
  font: 13px/1.6 var(--mono); }
.swagger-ui .opblock-body pre.microlight { border-radius: 8px; font-family: var(--mono) !important; }
.swagger-ui .loading-container { padding: 24px 0; }

@media (max-width: 640px) {
  header, main, footer { padding-left: 16px; padding-right: 16px; }
  header { padding-top: 24px; }
  h1 { font-size: 24px; }
  article { padding: 14px; }
  .swagger-ui .opblock-summary-description { display: none; }
  .swagger-ui table.responses-table, .swagger-ui table.parameters { table-layout: fixed; }
  .swagger-ui .responses-inner, .swagger-ui .opblock-section .table-container { padding: 12px; }
  .swagger-ui .opblock .opblock-section-header { flex-wrap: wrap; }
}
`;
