import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CodedError, messageOf } from "../base/errors.ts";
import type { SshAddress } from "./docker-ssh.ts";

/** What decides, besides the configuration, how an engine is reached: the variables of Docker's own client. */
export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT = "unix:///var/run/docker.sock";

/** Where an engine is. */
export type EngineAddress =
  | { readonly kind: "unix"; readonly socketPath: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | TlsAddress
  | ({ readonly kind: "ssh" } & SshAddress);

interface TlsAddress {
  readonly kind: "tls";
  readonly host: string;
  readonly port: number;
  /** Where the certificates are. */
  readonly folder: string;
}

/** All that it takes to reach it. */
export type EngineWay =
  | Exclude<EngineAddress, TlsAddress>
  | ({ readonly kind: "tls"; readonly host: string; readonly port: number } & Certificates);

/** What stands in the three files, PEM. */
interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * Where the engine is: at `url`, else at DOCKER_HOST, else at Docker's default socket. TLS as Docker's client has it:
 * for `https`, for port 2376 and with DOCKER_TLS_VERIFY, with the three files in DOCKER_CERT_PATH or `~/.docker`.
 * Reads no file. Throws CodedError SOURCE.
 */
export function engineAddress(url: string | undefined, env: Environment): EngineAddress {
  const text = url ?? (env.DOCKER_HOST || DEFAULT);
  const scheme = /^(\w+):\/\//.exec(text)?.[1]?.toLowerCase();
  if (scheme === "unix") {
    return { kind: "unix", socketPath: text.slice("unix://".length) || DEFAULT.slice("unix://".length) };
  }
  // Docker's client takes an address without a scheme for TCP.
  const said = urlOf(scheme === undefined ? `tcp://${text}` : text, text);
  const host = said.hostname.replace(/^\[(.*)\]$/, "$1");
  if (scheme === "ssh") return { kind: "ssh", host, ...sshDetails(said) };
  // A URL forgets the port that is its scheme's own.
  const [, digits] = /:(\d+)\/*$/.exec(text) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  if (scheme !== undefined && !["tcp", "http", "https"].includes(scheme)) throw unreachable(text);
  const isSecure = scheme === "https" || port === TLS_PORT || !!env.DOCKER_TLS_VERIFY;
  if (!isSecure) return { kind: "tcp", host, port: port ?? PLAIN_PORT };
  const folder = env.DOCKER_CERT_PATH || join(env.HOME ?? "/root", ".docker");
  return { kind: "tls", host, port: port ?? TLS_PORT, folder };
}

/**
 * The way as it is now: certificates are renewed. Throws CodedError SOURCE if they can't be read, or if what stands at
 * the socket's path is none; nothing there is no fault, as the engine makes it when it starts.
 */
export function wayTo(address: EngineAddress): EngineWay {
  if (address.kind === "unix") refuseNoSocket(address.socketPath);
  if (address.kind !== "tls") return address;
  const { kind, host, port, folder } = address;
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  try {
    return { kind, host, port, ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") };
  } catch (cause) {
    throw new CodedError("SOURCE", `Cannot reach Docker at ${host}:${port} by TLS: ${messageOf(cause)}`, {
      remedy: "put ca.pem, cert.pem and key.pem into the folder that DOCKER_CERT_PATH names",
      cause,
    });
  }
}

function refuseNoSocket(path: string): void {
  const what = kindOf(path);
  if (what === undefined || what === "a socket") return;
  // Docker makes a folder of what is to be mounted into a container and is not there.
  throw new CodedError("SOURCE", `Cannot reach Docker at ${path}: it is ${what}, not a socket`, {
    remedy: "set `docker:` in the configuration, or DOCKER_HOST, to the path of the engine's socket",
  });
}

/** Undefined: there is nothing, or nothing that we may see. */
function kindOf(path: string): string | undefined {
  try {
    const stat = statSync(path);
    return stat.isSocket() ? "a socket" : stat.isDirectory() ? "a folder" : "a file";
  } catch {
    return undefined;
  }
}

/**
 * Where the engine at an address makes the network namespaces of its containers, unless it was given another
 * `--exec-root`; undefined for one of which only its containers can show that it is of this machine.
 */
export function usualNetnsDirectory(address: EngineAddress): string | undefined {
  const isUsual = address.kind === "unix" && USUAL_SOCKETS.has(address.socketPath);
  return isUsual ? "/var/run/docker/netns" : undefined;
}

const USUAL_SOCKETS: ReadonlySet<string> = new Set(["/var/run/docker.sock", "/run/docker.sock"]);

const PLAIN_PORT = 2375;
const TLS_PORT = 2376;

function urlOf(text: string, said: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === "") throw unreachable(said);
  return url;
}

function sshDetails({ username, port, pathname }: URL): Omit<SshAddress, "host"> {
  return {
    username: decodeURIComponent(username) || undefined,
    port: port === "" ? undefined : Number(port),
    socketPath: pathname === "" || pathname === "/" ? undefined : decodeURIComponent(pathname),
  };
}

function unreachable(text: string): CodedError {
  return new CodedError(
    "SOURCE",
    `Cannot reach Docker at "${text}": it is no unix, tcp, http, https or ssh URL`,
    {
      remedy: "set DOCKER_HOST, or `docker:` in the configuration, to one like unix:///var/run/docker.sock",
    },
  );
}
