import type { CellRecord, NotebookHost } from "ekiben";

export type Getters = Readonly<Record<string, () => unknown>>;

interface OpenRecord {
  id: number;
  executionCount: number;
  source: string;
  status: CellRecord["status"];
  bindings: ReadonlyMap<string, () => unknown>;
  ownersBefore: ReadonlyMap<string, number>;
}

export interface RecorderOptions {
  /** The object on which the cells of a notebook publish their names. */
  exported: Readonly<Record<string, unknown>>;
  kernel: NotebookHost["kernel"];
  directory: string;
  display: NotebookHost["display"];
  resolve: NotebookHost["resolve"];
}

/** Keeps the record of every executed cell and of whom each name belongs to. */
export interface Recorder {
  readonly host: NotebookHost;
  begin(source: string, executionCount: number): CellRecord;
  /** Takes the getters of the running cell; the first thing that the code of a cell does. */
  enter(bindings: Getters, imported: Getters): void;
  end(succeeded: boolean): void;
}

export function createRecorder(options: RecorderOptions): Recorder {
  const { exported } = options;
  const cells: OpenRecord[] = [];
  const owners = new Map<string, number>();
  let running: OpenRecord | undefined;
  let imports: Getters = {};
  let entered = false;

  /** A name belongs to a cell when what it holds there is what the notebook sees under that name. */
  const claim = (id: number, getters: Iterable<[string, () => unknown]>) => {
    for (const [name, get] of getters) {
      try {
        if (Object.is(get(), exported[name])) owners.set(name, id);
      } catch {
        // The cell did not come as far as to initialise it.
      }
    }
  };

  return {
    host: {
      kernel: options.kernel,
      directory: options.directory,
      cells,
      owners,
      read: (name) => exported[name],
      display: options.display,
      resolve: options.resolve,
    },
    begin(source, executionCount) {
      running = {
        id: cells.length + 1,
        executionCount,
        source,
        status: "running",
        bindings: new Map(),
        ownersBefore: new Map(owners),
      };
      imports = {};
      entered = false;
      cells.push(running);
      return running;
    },
    enter(bindings, imported) {
      if (running === undefined) return;
      running.bindings = new Map(Object.entries(bindings));
      imports = imported;
      entered = true;
    },
    end(succeeded) {
      if (running === undefined) return;
      running.status = succeeded ? "ok" : entered ? "failed" : "rejected";
      claim(running.id, [...running.bindings, ...Object.entries(imports)]);
      running = undefined;
    },
  };
}
