import { type Agent, request as httpRequest, type IncomingMessage, Agent as PlainAgent } from "node:http";
import { request as httpsRequest, Agent as TlsAgent } from "node:https";
import { text } from "node:stream/consumers";
import type { EngineWay } from "./docker-address.ts";
import { jsonOf } from "./docker-events.ts";
import { sshConnection } from "./docker-ssh.ts";

/**
 * An engine's API as far as it is read: Node's own client, because a start of ours must be quick, and the packages that
 * can do all of the API take longer to load than everything else of ours together.
 */
export interface EngineHttp {
  /** What answers `GET path?query`; undefined if it is no JSON. Throws EngineRefusal, or what the network says. */
  get(path: string, query: Query, signal: AbortSignal): Promise<unknown>;
  /** The same as it comes, until the signal ends it. */
  stream(path: string, query: Query, signal: AbortSignal): Promise<IncomingMessage>;
  /** Ends what is under way, too. */
  close(): void;
}

/** Lists and maps go as JSON. */
export type Query = Readonly<Record<string, string | number | boolean | object>>;

/** The engine answered, and that it does not do what it was asked. */
export class EngineRefusal extends Error {
  /** Of HTTP. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** `atOnce`: so many connections are kept. */
export function engineHttp(address: EngineWay, atOnce: number): EngineHttp {
  const agent = agentFor(address, atOnce);
  const request = address.kind === "tls" ? httpsRequest : httpRequest;
  const { kind: _, ...at } = address;
  // ssh makes its own way; the socket is one of the other machine.
  const way = address.kind === "ssh" ? {} : at;

  async function stream(path: string, query: Query, signal: AbortSignal): Promise<IncomingMessage> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = request({ ...way, agent, path: `${path}${queryText(query)}`, signal });
      asked.on("response", resolve).on("error", reject).end();
    });
    const { statusCode: status = 0 } = response;
    if (status === 200) return response;
    const said = jsonOf(await text(response)) as { message?: unknown } | undefined;
    throw new EngineRefusal(
      status,
      `the engine answers ${status} to ${path}: ${said?.message ?? "no reason"}`,
    );
  }

  return {
    stream,
    get: async (path, query, signal) => jsonOf(await text(await stream(path, query, signal))),
    close: () => agent.destroy(),
  };
}

function agentFor(address: EngineWay, atOnce: number): Agent {
  const options = { keepAlive: true, maxSockets: atOnce };
  if (address.kind === "tls") return new TlsAgent(options);
  const agent = new PlainAgent(options);
  if (address.kind === "ssh") agent.createConnection = () => sshConnection(address);
  return agent;
}

function queryText(query: Query): string {
  const pairs = Object.entries(query).map(([key, value]): [string, string] => [
    key,
    typeof value === "object" ? JSON.stringify(value) : String(value),
  ]);
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs)}`;
}
