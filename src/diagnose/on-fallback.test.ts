import { describe, expect, test } from "vitest";
import { readConfig } from "../config/load.ts";
import { isOnFallback } from "./on-fallback.ts";
import type { OwnServers } from "./own-servers.ts";
import type { Sandbox } from "./sandbox.ts";

const GOOGLE = ["8.8.8.8", "8.8.4.4"];
const GOOGLE_IPV6 = ["2001:4860:4860::8888", "2001:4860:4860::8844"];

interface Case {
  readonly servers: readonly string[];
  readonly by?: OwnServers["by"];
  /** In the host's file today. */
  readonly host?: readonly string[];
  readonly upstreams?: string;
  /** `--dns` */
  readonly given?: readonly string[];
}

function judged({ servers, by = "resolv.conf", host = ["10.0.0.1"], upstreams = "host", given }: Case) {
  const at = (address: string) => ({ address, port: 53 });
  const sandbox = { container: { upstreams: given?.map(at) }, files: undefined } as unknown as Sandbox;
  const own = { sandbox, by, servers: servers.map((address) => ({ address, scope: "container" as const })) };
  const conf = { nameservers: [], search: [], options: [], other: [], invalid: [] };
  return isOnFallback(
    {
      host: { servers: host.map(at), conf },
      config: readConfig(`upstreams: ${upstreams}\n`, "eleven.yaml"),
    },
    own,
  );
}

describe("Google's servers are Docker's fallback", () => {
  test.each<[string, Case]>([
    ["where both of IPv4 are all there is", { servers: GOOGLE }],
    ["with their IPv6 twins", { servers: [...GOOGLE, ...GOOGLE_IPV6] }],
    [
      "where only the first was seen to be asked and the host names nobody",
      { servers: ["8.8.8.8"], by: "seen", host: [] },
    ],
  ])("%s", (_, one) => expect(judged(one)).toBe("yes"));

  test("perhaps, where only the first was seen to be asked, of what the host may have named", () => {
    expect(judged({ servers: ["8.8.8.8"], by: "seen" })).toBe("maybe");
  });
});

describe("Google's servers are somebody's choice", () => {
  test.each<[string, Case]>([
    ["beside another", { servers: [...GOOGLE, "10.0.0.1"] }],
    ["where one is alone", { servers: ["8.8.8.8"] }],
    ["where the host names nobody, too, if one is alone", { servers: ["8.8.8.8"], host: [] }],
    ["where the second was seen to be asked, and not the first", { servers: ["8.8.4.4"], by: "seen" }],
    ["of IPv6 alone, which Docker never writes", { servers: GOOGLE_IPV6 }],
    ["where the host's file names one of them today", { servers: GOOGLE, host: ["8.8.4.4"] }],
    ["where eleven is to ask them", { servers: GOOGLE, upstreams: "[8.8.8.8]" }],
    ["where the container was given them", { servers: GOOGLE, given: GOOGLE }],
  ])("%s", (_, one) => expect(judged(one)).toBe("no"));
});
