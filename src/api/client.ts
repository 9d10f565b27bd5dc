import { request } from "node:http";
import { CodedError, type ErrorCode } from "../base/errors.ts";
import type { DoctorReport } from "../diagnose/finding.ts";
import type { HistoryEntry, RegistryRecord } from "../registry/model.ts";
import type {
  AttachReport,
  CacheReport,
  DoctorProgress,
  ExplainReport,
  ExplainRequest,
  FlushReport,
  QueryReport,
  QueryRequest,
  RecordFilter,
  StatusReport,
  WatchEvent,
  WatchRequest,
} from "./control.ts";
import { LINES_TYPE, type Line } from "./lines.ts";

/** The daemon behind a control socket. Every call throws a CodedError: UNREACHABLE, or what the daemon says. */
export interface ControlClient {
  status(): Promise<StatusReport>;
  query(request: QueryRequest): Promise<QueryReport>;
  explain(request: ExplainRequest): Promise<ExplainReport>;
  /** Tells when it has begun, then of each event; resolves when the daemon ends it, as it does at its own end. */
  watch(request: WatchRequest, began: () => void, take: (event: WatchEvent) => void): Promise<void>;
  records(filter: RecordFilter): Promise<RegistryRecord[]>;
  history(name: string | undefined): Promise<HistoryEntry[]>;
  attach(containers: readonly string[]): Promise<AttachReport>;
  detach(containers: readonly string[]): Promise<AttachReport>;
  cache(): Promise<CacheReport>;
  flushCache(name: string | undefined): Promise<FlushReport>;
  doctor(progress: (progress: DoctorProgress) => void): Promise<DoctorReport>;
}

/** A daemon that hangs must not hang its commands; queries take up to four seconds of their own. */
const TIMEOUT_MS = 10_000;
/** A search list has six suffixes and more, and each may take those four seconds. */
const EXPLAIN_TIMEOUT_MS = 60_000;

export function controlClient(socketPath: string): ControlClient {
  const get = <T>(path: string, search: object = {}): Promise<T> =>
    call<T>(socketPath, "GET", `${path}?${new URLSearchParams(definedOf(search))}`);
  const post = <T>(path: string, body: object): Promise<T> => call<T>(socketPath, "POST", path, body);
  return {
    status: () => get("/status"),
    query: (request) => post("/query", request),
    explain: (request) => call(socketPath, "POST", "/explain", request, { timeoutMs: EXPLAIN_TIMEOUT_MS }),
    watch: (request, began, take) =>
      follow(socketPath, `/watch?${new URLSearchParams(definedOf(request))}`, began, (line) =>
        take(JSON.parse(line)),
      ),
    records: (filter) => get("/records", filter),
    history: (name) => get("/history", { name }),
    attach: (containers) => post("/attach", { containers }),
    detach: (containers) => post("/detach", { containers }),
    cache: () => get("/cache"),
    flushCache: (name) => post("/cache/flush", { name }),
    doctor: (progress) =>
      call(socketPath, "POST", "/doctor", {}, { tell: progress as (progress: unknown) => void }),
  };
}

function definedOf(search: object): Record<string, string> {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}

/** `tell` is given the progress that an answer in lines tells of. */
function call<T>(
  socketPath: string,
  method: string,
  path: string,
  body?: object,
  {
    tell = () => {},
    timeoutMs = TIMEOUT_MS,
  }: { tell?: (progress: unknown) => void; timeoutMs?: number } = {},
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const sent = request({ socketPath, method, path, headers, timeout: timeoutMs }, (response) => {
      const inLines = response.headers["content-type"] === LINES_TYPE;
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (inLines) text = takeProgress(text, tell);
      });
      response.on("end", () => {
        try {
          const value = JSON.parse(text);
          if (response.statusCode === 200 && value.error === undefined)
            resolve(inLines ? value.result : value);
          else reject(errorOf(value));
        } catch (cause) {
          reject(unreachable(socketPath, "it does not answer as eleven does", cause));
        }
      });
      response.on("error", (cause) => reject(unreachable(socketPath, "the connection broke", cause)));
    });
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    sent.on("error", (cause: NodeJS.ErrnoException) =>
      reject(unreachable(socketPath, stateOf(cause), cause)),
    );
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Tells of the progress in the whole lines at the beginning; gives what is left. */
function takeProgress(text: string, tell: (progress: unknown) => void): string {
  for (let rest = text; ; ) {
    const end = rest.indexOf("\n");
    const line = end === -1 ? {} : (JSON.parse(rest.slice(0, end)) as Line<unknown>);
    if (!("progress" in line)) return rest;
    tell(line.progress);
    rest = rest.slice(end + 1);
  }
}

/** An answer without end, line by line. */
function follow(
  socketPath: string,
  path: string,
  began: () => void,
  take: (line: string) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const broken = (cause: Error) => reject(unreachable(socketPath, stateOf(cause), cause));
    const sent = request({ socketPath, path }, (response) => {
      response.setEncoding("utf8").on("error", broken);
      if (response.statusCode !== 200) return void readAll(response).then(refused, broken);
      began();
      let text = "";
      response.on("data", (chunk: string) => {
        const lines = (text + chunk).split("\n");
        text = lines.pop() ?? "";
        for (const line of lines) take(line);
      });
      response.on("end", resolve);
    });
    function refused(text: string): void {
      try {
        reject(errorOf(JSON.parse(text)));
      } catch (cause) {
        reject(unreachable(socketPath, "it does not answer as eleven does", cause));
      }
    }
    sent.on("error", broken).end();
  });
}

async function readAll(response: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const chunk of response) text += chunk;
  return text;
}

function errorOf({ error }: { error: { code: ErrorCode; message: string; remedy?: string } }): CodedError {
  return new CodedError(error.code, error.message, error);
}

function stateOf(cause: NodeJS.ErrnoException): string {
  if (cause.code === "ECONNRESET") return "the connection broke";
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
