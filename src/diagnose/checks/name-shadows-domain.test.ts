import { expect, test } from "vitest";
import { readConfig } from "../../config/load.ts";
import { container, endpoint, registryOf } from "../../registry/fixture.suite.ts";
import { Rcode } from "../../wire/iana.ts";
import type { Message } from "../../wire/message.ts";
import type { Ask } from "../ask.ts";
import type { Context } from "../context.ts";
import { nameShadowsDomain } from "./name-shadows-domain.ts";

const SILENCE: Ask = async () => ({ message: undefined, ms: 1400, why: "no answer" });
const answering =
  (rcode: number): Ask =>
  async () => ({ message: { header: { rcode }, answers: [] } as unknown as Message, ms: 1 });

/** Of one container with this alias, in network `internal`, whose qualified names are nobody else's. */
function run(alias: string, ask: Ask, { config = "", upstreams = 1 } = {}) {
  const web = container("web", [endpoint("internal", { ipv4: "10.5.0.2", aliases: [alias] })]);
  return nameShadowsDomain.run({
    registry: registryOf([web]),
    config: readConfig(config, "eleven.yaml"),
    upstreams: Array.from({ length: upstreams }, (_, i) => ({ address: `10.0.0.${i + 1}`, port: 53 })),
    ask,
  } as unknown as Context);
}

test("is skipped where no upstream can be believed about what exists outside, with the reason", async () => {
  const reason = /no upstream answers NXDOMAIN/;
  expect(await run("shop.example.org", SILENCE)).toMatchObject({ skipped: expect.stringMatching(reason) });
  // This one knows every name.
  expect(await run("shop.example.org", answering(Rcode.NOERROR))).toMatchObject({
    skipped: expect.stringMatching(reason),
  });
  expect(await run("shop.example.org", SILENCE, { upstreams: 0 })).toMatchObject({
    skipped: expect.stringMatching(/there is no upstream/),
  });
});

test("has nothing to ask outside, and is not skipped, where every name is the local network's", async () => {
  expect(await run("shop", SILENCE)).toEqual([]);
});

test("needs no upstream for what is within a domain of split DNS", async () => {
  const config = "domains: { corp.example: [10.1.0.53] }\n";
  expect(await run("git.corp.example", SILENCE, { config })).toMatchObject([{ subject: "git.corp.example" }]);
});

test("finds nothing where an honest upstream says that a name does not exist", async () => {
  expect(await run("shop.example.org", answering(Rcode.NXDOMAIN))).toEqual([]);
});
