/** A configuration with which Prometheus scrapes a service on this machine and watches the alerts. */
export function printScrapeConfig(targets: readonly string[] = ["127.0.0.1:3000"]): string {
  return `# Where services answer, and how often they are asked. On Kubernetes, annotations or a ServiceMonitor say it.
global:
  scrape_interval: 15s
  evaluation_interval: 15s
rule_files:
  - ekiben-alerts.yaml
scrape_configs:
  - job_name: ekiben
    static_configs:
      - targets: [${targets.map((target) => JSON.stringify(target)).join(", ")}]
`;
}
