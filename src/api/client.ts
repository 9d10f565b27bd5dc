import { request } from "node:http";
import { CodedError, type ErrorCode } from "../base/errors.ts";
import type { HistoryEntry, RegistryRecord } from "../registry/model.ts";
import type { AttachReport, QueryReport, QueryRequest, RecordFilter, StatusReport } from "./control.ts";

/** The daemon behind a control socket. Every call throws a CodedError: UNREACHABLE, or what the daemon says. */
export interface ControlClient {
  status(): Promise<StatusReport>;
  query(request: QueryRequest): Promise<QueryReport>;
  records(filter: RecordFilter): Promise<RegistryRecord[]>;
  history(name: string | undefined): Promise<HistoryEntry[]>;
  attach(containers: readonly string[]): Promise<AttachReport>;
  detach(containers: readonly string[]): Promise<AttachReport>;
}

/** A daemon that hangs must not hang its commands; queries take up to four seconds of their own. */
const TIMEOUT_MS = 10_000;

export function controlClient(socketPath: string): ControlClient {
  const get = <T>(path: string, search: object = {}): Promise<T> =>
    call<T>(socketPath, "GET", `${path}?${new URLSearchParams(definedOf(search))}`);
  const post = <T>(path: string, body: object): Promise<T> => call<T>(socketPath, "POST", path, body);
  return {
    status: () => get("/status"),
    query: (request) => post("/query", request),
    records: (filter) => get("/records", filter),
    history: (name) => get("/history", { name }),
    attach: (containers) => post("/attach", { containers }),
    detach: (containers) => post("/detach", { containers }),
  };
}

function definedOf(search: object): Record<string, string> {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}

function call<T>(socketPath: string, method: string, path: string, body?: object): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const sent = request({ socketPath, method, path, headers, timeout: TIMEOUT_MS }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => {
        try {
          const value = JSON.parse(text);
          if (response.statusCode === 200) resolve(value);
          else reject(new CodedError(value.error.code as ErrorCode, value.error.message, value.error));
        } catch (cause) {
          reject(unreachable(socketPath, "it does not answer as eleven does", cause));
        }
      });
      response.on("error", (cause) => reject(unreachable(socketPath, "the connection broke", cause)));
    });
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    sent.on("error", (cause: NodeJS.ErrnoException) =>
      reject(unreachable(socketPath, stateOf(cause), cause)),
    );
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function stateOf(cause: NodeJS.ErrnoException): string {
  if (cause.code === "ENOENT") return "there is no such socket";
  if (cause.code === "ECONNREFUSED") return "nobody listens there any more";
  if (cause.code === "EACCES") return "permission denied";
  return cause.message;
}

function unreachable(path: string, state: string, cause: unknown): CodedError {
  const remedy =
    state === "permission denied"
      ? "run this command as root, or as a member of the socket's group"
      : "start the daemon with `eleven serve`, or name its socket with --socket";
  return new CodedError("UNREACHABLE", `Cannot reach the daemon at ${path}: ${state}`, { remedy, cause });
}
