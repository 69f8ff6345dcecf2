import { PANELS, type Panel } from "./panels.js";

const WIDTH = 24;
const HEIGHT = 8;

/** The dashboard as Grafana imports it; it asks for the data source. */
export function printDashboard(): string {
  let id = 0;
  let y = 0;
  const panels: object[] = [];
  for (const { title, panels: row } of PANELS) {
    panels.push({
      id: ++id,
      type: "row",
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y: y++, w: WIDTH, h: 1 },
    });
    const perLine = row.length === 3 || row.length === 6 ? 3 : 4;
    const w = WIDTH / perLine;
    for (const [at, panel] of row.entries()) {
      const x = (at % perLine) * w;
      if (at > 0 && x === 0) y += HEIGHT;
      panels.push(toPanel(panel, ++id, { x, y, w, h: HEIGHT }));
    }
    y += HEIGHT;
  }
  const dashboard = {
    title: "ekiben",
    uid: "ekiben",
    description: "Services that ekiben serves: requests, batches, models, processes.",
    tags: ["ekiben"],
    editable: true,
    schemaVersion: 39,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    timezone: "browser",
    templating: {
      list: [
        {
          name: "source",
          label: "Prometheus",
          type: "datasource",
          query: "prometheus",
          current: {},
          hide: 0,
        },
        toVariable("service", "Service", "label_values(ekiben_info, service)"),
        toVariable(
          "instance",
          "Instance",
          'label_values(ekiben_info{service=~"$service"}, instance)',
        ),
      ],
    },
    annotations: { list: [] },
    panels,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

const SOURCE = { type: "prometheus", uid: "${source}" };

function toPanel(panel: Panel, id: number, gridPos: object): object {
  return {
    id,
    type: "timeseries",
    title: panel.title,
    description: panel.description,
    datasource: SOURCE,
    gridPos,
    fieldConfig: {
      defaults: { unit: panel.unit, min: 0, custom: { lineWidth: 1, fillOpacity: 10 } },
      overrides: [],
    },
    options: {
      legend: { displayMode: "list", placement: "bottom", showLegend: true },
      tooltip: { mode: "multi", sort: "desc" },
    },
    targets: panel.queries.map(({ expression, legend }, at) => ({
      refId: String.fromCharCode("A".charCodeAt(0) + at),
      datasource: SOURCE,
      expr: expression,
      legendFormat: legend,
      range: true,
    })),
  };
}

function toVariable(name: string, label: string, query: string): object {
  return {
    name,
    label,
    type: "query",
    datasource: SOURCE,
    definition: query,
    query: { query, refId: name },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: ".*",
    current: { selected: true, text: ["All"], value: ["$__all"] },
    hide: 0,
  };
}
