import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DockerOptions } from "dockerode";
import { CodedError, messageOf } from "../base/errors.ts";

/** What decides, besides the configuration, how an engine is reached: the variables of Docker's own client. */
export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT = "unix:///var/run/docker.sock";

/**
 * How dockerode reaches an engine: by `url`, else by DOCKER_HOST, else by Docker's default socket. Everything is said
 * here, because dockerode takes what is left out from DOCKER_HOST. TLS as Docker's client has it: for `https`, for
 * port 2376 and with DOCKER_TLS_VERIFY, with the three files in DOCKER_CERT_PATH or `~/.docker`. Throws CodedError SOURCE.
 */
export function engineAddress(url: string | undefined, env: Environment): DockerOptions {
  const text = url ?? (env.DOCKER_HOST || DEFAULT);
  const scheme = /^(\w+):\/\//.exec(text)?.[1]?.toLowerCase();
  if (scheme === "unix") {
    return {
      ...NOTHING,
      protocol: "http",
      socketPath: text.slice("unix://".length) || DEFAULT.slice("unix://".length),
    };
  }
  // Docker's client takes an address without a scheme for TCP.
  const parsed = urlOf(scheme === undefined ? `tcp://${text}` : text, text);
  const { hostname: host, username } = parsed;
  // A URL forgets the port that is its scheme's own.
  const [, port] = /:(\d+)\/*$/.exec(text) ?? [];
  if (scheme === "ssh") {
    const agent = env.SSH_AUTH_SOCK;
    return {
      ...NOTHING,
      protocol: "ssh",
      host,
      port: port ?? 22,
      username,
      ...(agent !== undefined && { sshOptions: { agent } }),
    };
  }
  if (scheme !== undefined && !["tcp", "http", "https"].includes(scheme)) throw unreachable(text);
  const isSecure = scheme === "https" || port === TLS_PORT || !!env.DOCKER_TLS_VERIFY;
  if (!isSecure) return { ...NOTHING, protocol: "http", host, port: port ?? 2375 };
  const folder = env.DOCKER_CERT_PATH || join(env.HOME ?? "/root", ".docker");
  return { ...NOTHING, protocol: "https", host, port: port ?? TLS_PORT, ...certificates(folder, text) };
}

const TLS_PORT = "2376";

/** What dockerode would otherwise take from the environment. */
const NOTHING = {
  host: undefined,
  port: undefined,
  socketPath: undefined,
  username: undefined,
  pathPrefix: "/",
  ca: undefined,
  cert: undefined,
  key: undefined,
  timeout: undefined,
} as unknown as DockerOptions;

function urlOf(text: string, said: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === "") throw unreachable(said);
  return url;
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

function certificates(folder: string, text: string): Pick<DockerOptions, "ca" | "cert" | "key"> {
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  try {
    return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") };
  } catch (cause) {
    throw new CodedError("SOURCE", `Cannot reach Docker at "${text}" by TLS: ${messageOf(cause)}`, {
      remedy: "put ca.pem, cert.pem and key.pem into the folder that DOCKER_CERT_PATH names",
      cause,
    });
  }
}
