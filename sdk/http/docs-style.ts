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
body > header, body > main, body > footer { max-width: 1040px; margin: 0 auto; padding: 0 24px; }
body > header { padding-top: 40px; }
.title { display: flex; flex-wrap: wrap; align-items: center; gap: 10px 14px; }
h1 { margin: 0; font-size: 30px; line-height: 1.2; letter-spacing: -0.015em; overflow-wrap: anywhere; }
h2 { margin: 40px 0 12px; font-size: 13px; font-weight: 600; letter-spacing: 0.08em;
  text-transform: uppercase; color: var(--soft); }
h3 { margin: 0; display: flex; flex-wrap: wrap; align-items: center; gap: 10px; font-size: 17px; }
h3 code { overflow-wrap: anywhere; }
p { margin: 8px 0 0; }
.description { max-width: 70ch; color: var(--soft); font-size: 17px; }
h3 code, .models code, .formats code, .command pre { font-family: var(--mono); font-size: 0.88em; }
.models code, .formats code { background: var(--code); padding: 2px 6px; border-radius: 4px; }
.chip { padding: 2px 10px; border: 1px solid var(--line); border-radius: 999px;
  background: var(--card); font: 13px/1.5 var(--mono); color: var(--soft); overflow-wrap: anywhere; }
.state { border-color: transparent; background: var(--warn-soft); color: var(--warn); }
.state.ready { background: var(--good-soft); color: var(--good); }
nav { display: flex; flex-wrap: wrap; gap: 4px 20px; margin-top: 14px; padding-bottom: 20px;
  border-bottom: 1px solid var(--line); }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.command pre:focus-visible { outline-offset: -2px; }
article, .models li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
article { padding: 18px 20px; }
article + article { margin-top: 14px; }
.method { padding: 3px 9px; border-radius: 5px; background: var(--accent-soft);
  color: var(--accent); font: 600 12px/1.5 var(--mono); }
.method.get { background: var(--good-soft); color: var(--good); }
.try { margin-left: auto; font-size: 14px; font-weight: 600; }
.limits { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 10px 0 0; padding: 0;
  list-style: none; color: var(--soft); font-size: 14px; }
.formats { margin: 10px 0 0; font-size: 14px; }
.formats div { display: flex; gap: 10px; margin-top: 4px; }
.formats dt { flex: none; width: 58px; color: var(--soft); }
.formats dd { margin: 0; display: flex; flex-wrap: wrap; align-items: center; gap: 4px 8px; min-width: 0; }
.command { margin-top: 14px; border-radius: 8px; background: var(--code); overflow: hidden; }
.command .bar { display: flex; align-items: center; justify-content: space-between;
  padding: 6px 8px 0 16px; color: var(--soft); font: 12px/1.5 var(--mono); }
.command pre { margin: 0; padding: 6px 16px 14px; max-height: 260px; overflow: auto; white-space: pre; }
.command button { padding: 3px 12px; cursor: pointer; border: 1px solid var(--line);
  border-radius: 6px; background: var(--card); color: var(--soft); font: 13px/1.5 var(--sans); }
.command button:hover { color: var(--ink); }
.models { display: grid; gap: 10px; margin: 0; padding: 0; list-style: none; }
.models li { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 12px; padding: 12px 20px; }
.tensors { display: inline-flex; flex-wrap: wrap; align-items: center; gap: 6px; color: var(--soft);
  font-size: 14px; }
.tensors code { overflow-wrap: anywhere; }
.empty { color: var(--soft); }
body > footer { padding-top: 32px; padding-bottom: 40px; color: var(--soft); font-size: 13px; }

/* Swagger UI. Its title and server choice say nothing that is not above; its loud colours and the
   tables of headers under every answer would bury what one came for. */
#swagger-ui, #swagger-ui .swagger-ui { font-family: var(--sans); color: var(--ink); background: none; }
#swagger-ui .wrapper { padding: 0; max-width: none; }
#swagger-ui .wrapper > section, #swagger-ui .block, #swagger-ui .col-12 { padding: 0; margin: 0; }
#swagger-ui .information-container, #swagger-ui .scheme-container .schemes > :not(.auth-wrapper),
#swagger-ui .response .headers-wrapper, #swagger-ui .response-col_links { display: none; }
#swagger-ui .scheme-container { margin: 0 0 12px; padding: 0; background: none; box-shadow: none; }
#swagger-ui .scheme-container:not(:has(.auth-wrapper)) { display: none; }
/* All refusals look alike, so one of them is shown whole. */
#swagger-ui .responses-table:not(.live-responses-table)
  .response:not([data-code^="2"]):not([data-code="422"]) :is(.response-controls, .model-example) { display: none; }
#swagger-ui .response-col_description__inner p { margin: 0; }
#swagger-ui table.responses-table tbody tr.response td { padding-top: 8px; }
#swagger-ui .response-control-media-type__accept-message { color: var(--soft); }
#swagger-ui .response-controls { padding-top: 4px; }
#swagger-ui .parameter__name { white-space: nowrap; }
#swagger-ui .opblock-tag-section + .opblock-tag-section { margin-top: 24px; }
#swagger-ui .opblock-tag { padding: 6px 0; border: 0; font: 600 16px/1.4 var(--sans); color: var(--ink); }
#swagger-ui .opblock-tag small { padding: 0 12px; font: 14px/1.4 var(--sans); color: var(--soft); }
#swagger-ui .opblock-tag:hover { background: none; }
#swagger-ui .opblock.opblock-post, #swagger-ui .opblock.opblock-get {
  margin: 0 0 10px; border: 1px solid var(--line); border-radius: 10px; background: var(--card);
  box-shadow: none; overflow: hidden; }
#swagger-ui .opblock.opblock-post .opblock-summary, #swagger-ui .opblock.opblock-get .opblock-summary { padding: 9px 12px; border-color: var(--line); }
#swagger-ui .opblock.opblock-post .opblock-summary-method,
#swagger-ui .opblock.opblock-get .opblock-summary-method {
  min-width: 60px; padding: 3px 0; border-radius: 5px; text-shadow: none; font: 600 12px/1.5 var(--mono);
  background: var(--accent-soft); color: var(--accent); }
#swagger-ui .opblock.opblock-get .opblock-summary-method { background: var(--good-soft); color: var(--good); }
#swagger-ui .opblock .opblock-summary { border-color: var(--line) !important; }
#swagger-ui .opblock .opblock-summary-path, #swagger-ui .opblock .opblock-summary-path a {
  font: 600 14px/1.5 var(--mono); color: var(--ink); }
#swagger-ui .opblock .opblock-summary-description { font: 14px/1.5 var(--sans); color: var(--soft); }
#swagger-ui .opblock .opblock-section-header { min-height: 44px; padding: 6px 20px;
  background: var(--code); box-shadow: none; border-block: 1px solid var(--line); }
#swagger-ui .opblock .opblock-section-header h4, #swagger-ui .opblock .tab-header .opblock-title {
  font: 600 14px/1.4 var(--sans); color: var(--ink); }
#swagger-ui .opblock-description-wrapper p, #swagger-ui .markdown p,
#swagger-ui .renderedMarkdown p { font: 14px/1.6 var(--sans); color: var(--soft); }
#swagger-ui .opblock.opblock-post .tab-header .tab-item.active h4 span::after,
#swagger-ui .opblock.opblock-get .tab-header .tab-item.active h4 span::after { background: var(--accent); }
#swagger-ui .btn { border-radius: 6px; box-shadow: none; font: 600 14px/1.4 var(--sans); color: var(--ink);
  border-color: var(--line); background: var(--card); }
#swagger-ui .btn.execute, #swagger-ui .btn.execute:hover {
  background: var(--accent); border-color: var(--accent); color: var(--card); }
#swagger-ui .btn.cancel { border-color: var(--line); color: var(--soft); }
#swagger-ui .btn-group { padding: 20px; }
#swagger-ui .opblock-section-header .btn-group { padding: 0; }
#swagger-ui .opblock-section-header .btn { padding: 3px 14px; margin: 0 0 0 8px; min-width: 0; }
#swagger-ui .parameters textarea { min-height: 120px; }
#swagger-ui table thead tr th, #swagger-ui table thead tr td,
#swagger-ui table tbody tr td, #swagger-ui .response-col_status,
#swagger-ui .parameter__name, #swagger-ui .parameter__type, #swagger-ui .parameter__in {
  font-family: var(--sans); font-size: 14px; color: var(--ink); border-color: var(--line); }
#swagger-ui .parameter__in, #swagger-ui .parameter__type { color: var(--soft); }
#swagger-ui textarea, #swagger-ui input[type="text"], #swagger-ui select {
  background: var(--code); color: var(--ink); border: 1px solid var(--line); border-radius: 6px; box-shadow: none; }
#swagger-ui select { appearance: auto; background-image: none; padding: 4px 8px; font: 14px/1.4 var(--sans); }
#swagger-ui .parameters-col_name { width: 150px; }
#swagger-ui input[type="file"] { max-width: 100%; padding: 8px; color: var(--ink); background: var(--code);
  border: 1px solid var(--line); border-radius: 6px; font: 14px/1.4 var(--sans); }
#swagger-ui .responses-inner img { max-width: 100%; border-radius: 6px; background: var(--code); }
#swagger-ui label, #swagger-ui .tab li, #swagger-ui .tab li button.tablinks,
#swagger-ui .responses-inner h4, #swagger-ui .responses-inner h5 {
  font-family: var(--sans); color: var(--soft); }
#swagger-ui .tab li.active button.tablinks { color: var(--ink); }
#swagger-ui textarea, #swagger-ui .microlight { font: 13px/1.6 var(--mono) !important; }
#swagger-ui .opblock-body pre.microlight, #swagger-ui .highlight-code > .microlight {
  border-radius: 8px; background: #2b2927 !important; color: #f1ece3; max-height: 340px; }
#swagger-ui .opblock-body pre.microlight code, #swagger-ui .opblock-body pre.microlight span {
  background: none; font-family: inherit !important; }
#swagger-ui .copy-to-clipboard { background-color: #55514c; border-radius: 6px; }
#swagger-ui .download-contents { background: #55514c; border-radius: 6px; color: #f1ece3; font-size: 13px; }
#swagger-ui .loading-container { padding: 24px 0; }

@media (max-width: 640px) {
  body > header, body > main, body > footer { padding-left: 16px; padding-right: 16px; }
  body > header { padding-top: 24px; }
  h1 { font-size: 24px; }
  article { padding: 14px; }
  .formats div { display: block; }
  #swagger-ui .opblock .opblock-summary-description { display: none; }
  #swagger-ui .opblock .opblock-section-header { padding: 6px 12px; flex-wrap: wrap; gap: 4px; }
  #swagger-ui .curl-command .microlight { padding-bottom: 36px; }
  #swagger-ui .responses-inner, #swagger-ui .opblock-section .table-container,
  #swagger-ui .opblock-description-wrapper, #swagger-ui .btn-group { padding: 12px; }
  #swagger-ui .parameters-col_name { width: 40%; }
  #swagger-ui .response-col_status { width: 44px; min-width: 44px; }
}
`;
