import type { SavedBundle, SaveOptions } from "../service/faces.js";
import type { Service } from "../service/infer.js";
export async function saveFromNotebook(_s: Service, _o: SaveOptions, _f: unknown): Promise<SavedBundle> {
  throw new Error("not yet");
}
