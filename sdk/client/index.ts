// The published entry "ekiben/client": everything that it reaches has to run in a browser.
export { createClient, loadContract } from "./create-client.js";
export { ClientError } from "./client-error.js";
export type { ClientErrorCode } from "./client-error.js";
export type {
  Client,
  ClientCall,
  ClientCallOptions,
  ClientHeaders,
  ClientOptions,
  ClientStream,
} from "./client.js";
export type { ApiContract, ServiceContract } from "./contract.js";
