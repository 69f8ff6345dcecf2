import { dataframe, defineInput, defineService, EkibenError, frameOf, reject, z } from "ekiben";

const Customer = z.object({
  customer_id: z.string(),
  tenure_months: z.number().int().min(0),
  monthly_charges: z.number().positive(),
});

/** Callers read these two names, and retry what does not have the status 200. */
const known = (code: string, message: string) => ({ Msg: message, "Error Code": code });

/** The table stands under `df_data`; errors have the bodies that callers have always read. */
const report = defineInput({
  kind: "report",
  input: dataframe(Customer),
  schema: z.object({ df_data: z.array(Customer) }),
  parse(request) {
    const rows: unknown = request.json()?.df_data;
    if (!Array.isArray(rows)) throw reject(400, { Code: "E400", Msg: "df_data is missing." });
    if (rows.length === 0) throw reject(200, known("E2001", "df_data is empty."));
    return rows;
  },
  onInvalid: (error) => reject(error.status, { Code: `E${error.status}`, Msg: error.facts.detail }),
});

export default defineService({ name: "production-report", description: "Who is about to leave?" })
  .setup(() => ({
    segments: new Map([
      ["c-1", 0.9],
      ["c-2", 1.2],
      ["c-3", 1],
    ]),
  }))
  .api("predict", {
    route: "v1/report/predict",
    summary: "Score customers",
    input: report,
    output: z.object({ score: z.number().min(0).max(1) }),
    batch: { maxBatchSize: 500, maxLatencyMs: 1000 },
    example: { df_data: [{ customer_id: "c-1", tenure_months: 3, monthly_charges: 70.35 }] },
    handler(df, context) {
      const rows = frameOf(df)!.toRecords() as z.infer<typeof Customer>[];
      const { segments } = context.state;
      context.items.forEach(({ start, end }, index) => {
        const stranger = rows.slice(start, end).find((row) => !segments.has(row.customer_id));
        if (stranger === undefined) return;
        // Only this request: the others of the batch get their scores.
        context.reject(index, 200, known("E2002", `${stranger.customer_id} is not known.`));
      });
      return rows.map((row) => {
        if (row.monthly_charges > 10_000) throw new RangeError("The tariff has no such charge.");
        const pressure = row.monthly_charges / (row.tenure_months + 12);
        const score = (segments.get(row.customer_id) ?? 1) * (1 - Math.exp(-pressure / 5));
        return { score: Math.round(Math.min(1, score) * 1000) / 1000 };
      });
    },
  })
  .onError((error, { id }) => {
    // Everything else keeps its standard answer, such as 503 with the time to try again.
    if (error instanceof EkibenError && error.status !== 500) return undefined;
    return reject(500, { Code: "E500", Msg: "The request failed.", "Request Id": id });
  });
