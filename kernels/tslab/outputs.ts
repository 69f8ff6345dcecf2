import type { Message } from "./protocol.js";

export type MimeBundle = Record<string, unknown>;

export interface StreamOutput {
  output_type: "stream";
  name: "stdout" | "stderr";
  text: string;
}
export interface DisplayOutput {
  output_type: "display_data";
  data: MimeBundle;
  metadata: Record<string, unknown>;
}
export interface ResultOutput {
  output_type: "execute_result";
  execution_count: number | null;
  data: MimeBundle;
  metadata: Record<string, unknown>;
}
export interface ErrorOutput {
  output_type: "error";
  ename: string;
  evalue: string;
  traceback: string[];
}

/** An output of a cell, as nbformat 4 has it, with each text as one string. */
export type CellOutput = StreamOutput | DisplayOutput | ResultOutput | ErrorOutput;

/**
 * Turns what a kernel publishes into outputs of cells. One collector serves a whole notebook,
 * because a display may be updated from a later cell.
 */
export interface OutputCollector {
  /** Adds a published message to the outputs of its cell; returns the output that came or changed. */
  add(message: Message, outputs: CellOutput[]): CellOutput | undefined;
}

export function createOutputCollector(): OutputCollector {
  const displays = new Map<string, (DisplayOutput | ResultOutput)[]>();
  const cleared = new WeakSet<CellOutput[]>();

  return {
    add(message, outputs) {
      const { content } = message;
      const type = message.header.msg_type;
      if (type === "clear_output") {
        if (content["wait"] === true) cleared.add(outputs);
        else outputs.length = 0;
        return undefined;
      }
      if (type === "update_display_data") {
        const known = displays.get(displayId(content) ?? "") ?? [];
        for (const output of known) {
          output.data = content["data"] as MimeBundle;
          output.metadata = content["metadata"] as Record<string, unknown>;
        }
        return known.at(-1);
      }
      const output = toOutput(type, content);
      if (output === undefined) return undefined;
      if (cleared.delete(outputs)) outputs.length = 0;
      const last = outputs.at(-1);
      if (
        output.output_type === "stream" &&
        last?.output_type === "stream" &&
        last.name === output.name
      ) {
        last.text += output.text;
        return output;
      }
      outputs.push(output);
      const id = displayId(content);
      if (id !== undefined && "data" in output) {
        displays.set(id, [...(displays.get(id) ?? []), output]);
      }
      return output;
    },
  };
}

function displayId(content: Record<string, unknown>): string | undefined {
  return (content["transient"] as { display_id?: string } | undefined)?.display_id;
}

function toOutput(type: string, content: Record<string, unknown>): CellOutput | undefined {
  const { data, metadata } = content as Pick<DisplayOutput, "data" | "metadata">;
  switch (type) {
    case "stream": {
      const { name, text } = content as unknown as StreamOutput;
      return { output_type: "stream", name, text };
    }
    case "display_data":
      return { output_type: "display_data", data, metadata };
    case "execute_result": {
      const count = content["execution_count"] as number | null;
      return { output_type: "execute_result", execution_count: count, data, metadata };
    }
    case "error": {
      const { ename, evalue, traceback } = content as unknown as ErrorOutput;
      return { output_type: "error", ename, evalue, traceback };
    }
    default:
      return undefined;
  }
}

/** What a reader of the outputs sees where only text can be shown. */
export function toText(outputs: readonly CellOutput[]): string {
  return outputs.map(toOutputText).join("");
}

export function toOutputText(output: CellOutput): string {
  switch (output.output_type) {
    case "stream":
      return output.text;
    case "error":
      return `${output.traceback.join("\n")}\n`;
    default: {
      const plain = output.data["text/plain"];
      const text = Array.isArray(plain) ? plain.join("") : plain;
      return typeof text === "string" ? `${text}\n` : `<${Object.keys(output.data).join(", ")}>\n`;
    }
  }
}
