import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RrClass, RrType } from "../wire/iana.ts";
import { isSubdomain } from "../wire/name.ts";
import { answer } from "./reply.ts";
import type { Query, Resolver } from "./resolver.ts";
import { route } from "./route.ts";
import { recordingTrace } from "./trace.ts";

/** A resolver that says in its answer that it was the one. */
const saying = (upstream: string): Resolver => ({
  name: upstream,
  resolve: async () => answer("upstream", { upstream }),
});

function aQuery(name: string) {
  const trace = recordingTrace(() => 0);
  const query: Query = {
    question: { name, type: RrType.A, class: RrClass.IN },
    client: { sandbox: undefined, transport: "udp" },
    rd: true,
    cd: false,
    ad: false,
    do: false,
    signal: new AbortController().signal,
    trace,
  };
  return { ...query, trace };
}

async function taken(domains: readonly string[], name: string): Promise<string | undefined> {
  const resolver = route({ domains: new Map(domains.map((domain) => [domain, saying(domain)])) });
  return (await resolver.resolve(aQuery(name)))?.upstream;
}

describe("route", () => {
  const domains = ["corp.example.", "eu.corp.example.", "Lab.Example.", "a\\.b.example."];
  it.each([
    ["corp.example.", "corp.example."],
    ["db.corp.example.", "corp.example."],
    ["DB.CORP.Example.", "corp.example."],
    ["eu.corp.example.", "eu.corp.example."],
    ["a.b.c.eu.corp.example.", "eu.corp.example."],
    ["x.lab.example.", "Lab.Example."],
    ["a\\.b.example.", "a\\.b.example."],
    ["notcorp.example.", undefined],
    ["x\\.corp.example.", undefined],
    ["a.b.example.", undefined],
    ["example.", undefined],
    [".", undefined],
  ])("sends %s to %s", async (name, domain) => {
    expect(await taken(domains, name)).toBe(domain);
  });

  it("takes the root as a domain that everything is below", async () => {
    expect(await taken([".", "corp.example."], "www.example.org.")).toBe(".");
    expect(await taken([".", "corp.example."], ".")).toBe(".");
  });

  it("says in the trace which domain it was", async () => {
    const query = aQuery("db.corp.example.");
    await route({ domains: new Map([["corp.example.", saying("corp")]]) }).resolve(query);
    expect(query.trace.steps).toMatchObject([
      { who: "split-dns", decision: "routed", detail: { domain: "corp.example.", to: "corp" } },
    ]);
  });

  it("chooses the longest of the domains that the name is in", async () => {
    const label = fc.constantFrom("a", "b", "A", "a\\.", "\\\\", "\\000");
    const name = fc
      .array(label, { maxLength: 4 })
      .map((labels) => labels.map((each) => `${each}.`).join("") || ".");
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { selector: (each) => each.toLowerCase() }),
        name,
        async (domains, qname) => {
          const above = domains.filter((domain) => isSubdomain(qname, domain));
          const longest = above.sort((a, b) => b.length - a.length)[0];
          expect(await taken(domains, qname)).toBe(longest);
        },
      ),
    );
  });
});
