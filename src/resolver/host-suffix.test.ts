import { describe, expect, test } from "vitest";
import { Rcode, RrClass, RrType } from "../wire/iana.ts";
import type { Question } from "../wire/message.ts";
import { hostSuffix } from "./host-suffix.ts";
import { authoritative } from "./reply.ts";
import type { Query, Resolver } from "./resolver.ts";
import { noTrace } from "./trace.ts";

describe("host suffix", () => {
  const asked: Question[] = [];
  /** Knows `web.shop.` only. */
  const inner: Resolver = {
    name: "inner",
    async resolve({ question }) {
      asked.push(question);
      const { name } = question;
      if (name.toLowerCase() !== "web.shop.") return undefined;
      const data = { kind: "A", address: "10.5.0.2" } as const;
      return authoritative([{ name, type: RrType.A, class: RrClass.IN, ttl: 5, data }]);
    },
  };
  const resolver = hostSuffix({ suffix: () => "docker.", inner });

  const query = (name: string, sandbox?: string): Query => ({
    question: { name, type: RrType.A, class: RrClass.IN },
    client: { sandbox, transport: "udp" },
    rd: true,
    cd: false,
    ad: false,
    do: false,
    signal: new AbortController().signal,
    trace: noTrace,
  });

  test("asks for what stands before it, and answers with the name as asked", async () => {
    const found = await resolver.resolve(query("Web.Shop.DOCKER."));
    expect(asked.at(-1)?.name).toBe("Web.Shop.");
    expect(found?.answers.map(({ name, data }) => [name, data])).toEqual([
      ["Web.Shop.DOCKER.", { kind: "A", address: "10.5.0.2" }],
    ]);
  });

  test("an unknown name below it is NXDOMAIN and goes nowhere", async () => {
    expect(await resolver.resolve(query("nobody.docker."))).toMatchObject({
      rcode: Rcode.NXDOMAIN,
      aa: true,
    });
  });

  test.each(["docker.", "web.notdocker.", "docker.example.", "."])("declines %s", async (name) => {
    expect(await resolver.resolve(query(name))).toBeUndefined();
  });

  test("containers do not see it", async () => {
    expect(await resolver.resolve(query("web.shop.docker.", "shop/web"))).toBeUndefined();
  });
});
