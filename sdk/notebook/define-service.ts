import { createDefineService } from "../service/define-service.js";
import { createFaces } from "./create-faces.js";

/**
 * Declares a service. Each method of what it answers gives a new service, so that one service can
 * be the template of others.
 * @throws TAG_INVALID, SERVICE_INVALID
 * @example defineService({ name: "churn" }).api("predict", { input: json(Item), handler: (item) => 1 })
 */
export const defineService = createDefineService(createFaces());
