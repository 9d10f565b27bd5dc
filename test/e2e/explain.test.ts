import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExplainReport, StepReport } from "../../src/api/control.ts";
import { startContainerProcess } from "../support/container-process.ts";
import { startDnsmasq } from "../support/dnsmasq.ts";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { createWorld, type World } from "../support/world.ts";

const reason = missing("dnsmasq");

describe.skipIf(reason)(`explain${reason === undefined ? "" : ` (${reason})`}`, () => {
  let world: World;
  let eleven: Eleven;
  let netns: string;

  beforeAll(async () => {
    world = createWorld();
    world.bridge("shop0", "10.77.0.1/16");
    world.bridge("up0", "10.99.0.254/24");
    const client = world.container("client", { shop0: ["10.77.0.9/16"] });
    const upstream = world.container("up", { up0: ["10.99.0.1/24"] });
    netns = client.netns;
    await startDnsmasq(upstream, {
      listen: ["10.99.0.1"],
      args: [
        "--local=/corp.example/",
        "--local=/example.org/",
        "--host-record=intranet.corp.example,10.1.0.7,300",
      ],
    });
    await startContainerProcess(world, client, {
      "resolv.conf": "nameserver 127.0.0.11\nsearch corp.example\noptions ndots:1 edns0\n",
      hosts: "10.77.0.9 myself\n",
    });
    world.write("shop.yaml", shop({ old: "aliases: [armory]", next: "" }));
    eleven = await startEleven(
      world,
      "listen: []\nsources: [{ file: shop.yaml }]\nattach: [client]\nupstreams: [10.99.0.1]\n",
    );
    while ((await eleven.status()).attached.length === 0);
  });

  afterAll(async () => {
    await eleven?.stop();
    await world?.destroy();
  });

  /** The containers of the incident: an alias, and who has it. */
  function shop({ old, next }: { old: string; next: string }): string {
    const many = Array.from(
      { length: 80 },
      (_, i) => `  many-${i}: { networks: { shop: { ipv4: 10.77.1.${i}, aliases: [many] } } }`,
    );
    return `networks: { shop: {}, elsewhere: {} }
containers:
  client: { netns: ${netns}, networks: { shop: { ipv4: 10.77.0.9 } } }
  armory-old: { networks: { shop: { ipv4: 10.77.0.155, ${old} } } }
  armory-new: { networks: { shop: { ipv4: 10.77.0.146, ${next} } } }
  far: { networks: { elsewhere: { ipv4: 10.78.0.2, aliases: [distant] } } }
${many.join("\n")}
`;
  }

  async function becomes(containers: Parameters<typeof shop>[0]): Promise<number> {
    const { revision } = await eleven.status();
    world.write("shop.yaml", shop(containers));
    return eleven.revisionAfter(revision);
  }

  const explain = async (...args: string[]) => (await eleven.json<ExplainReport>("explain", ...args)).value;
  const text = async (...args: string[]) => (await eleven.command("explain", ...args)).stdout;
  const decisions = ({ steps }: ExplainReport, who: string) =>
    steps.filter((step) => step.who === who).map(({ decision }) => decision);
  const step = ({ steps }: ExplainReport, decision: string): StepReport => {
    const found = steps.find((each) => each.decision.startsWith(decision));
    if (found === undefined) throw new Error(`no step "${decision}" in ${JSON.stringify(steps, null, 1)}`);
    return found;
  };

  test("is what `query` says, and more", async () => {
    for (const args of [
      ["armory.shop"],
      ["armory.", "--from", "client"],
      ["armory", "--from", "client"],
      ["nobody.example.org"],
    ]) {
      const { steps, answeredAs, ...same } = await explain(...args);
      expect(answeredAs).toBe(same.question.name);
      const query = await eleven.query(...args);
      // Asked for the second time, it comes from the cache.
      const alike = { ms: 0, origin: "", authority: [] };
      expect({ ...same, ...alike }).toEqual({ ...query, ...alike });
      expect(steps.length).toBeGreaterThan(2);
      for (const [i, { us }] of steps.entries()) expect(us).toBeGreaterThanOrEqual(steps[i - 1]?.us ?? 0);
    }
  });

  test("the incident: two addresses under an alias, each with who bound it, since when and why", async () => {
    const revision = await becomes({ old: "aliases: [armory]", next: "aliases: [armory]" });
    const report = await explain("armory", "--from", "client");
    expect(report.answers.map(({ data }) => data).sort()).toEqual(["10.77.0.146", "10.77.0.155"]);
    const source = `file:${world.folder}/shop.yaml`;
    expect(step(report, "10.77.0.155 belongs to armory-old").detail).toMatchObject({
      owners: [{ container: "armory-old", network: "shop", cause: "shop.yaml read" }],
      names: [
        { name: "armory", kind: "alias", container: "armory-old", source, cause: "shop.yaml read" },
        { name: "armory-old", kind: "container-name" },
      ],
      removed: [],
    });
    expect(step(report, "10.77.0.146 belongs to armory-new").detail).toMatchObject({
      names: [{ name: "armory", container: "armory-new", revision, cause: "shop.yaml changed" }, {}],
    });
    expect(step(report, "name known").detail).toMatchObject({
      network: "shop",
      boundBy: [
        { container: "armory-old", kind: "alias", source, cause: "shop.yaml read" },
        { container: "armory-new", kind: "alias", source, revision, cause: "shop.yaml changed" },
      ],
    });
    expect(step(report, "shuffled").detail).toMatchObject({
      addresses: report.answers.map(({ data }) => data),
    });
  });

  test("the incident, healed: what the alias was taken from, when and why, and who has the address now", async () => {
    const revision = await becomes({ old: "", next: "aliases: [armory]" });
    const removal = {
      address: "10.77.0.155",
      name: "armory",
      kind: "alias",
      container: "armory-old",
      cause: "shop.yaml changed",
      revision,
      heldNowBy: ["armory-old"],
    };
    const report = await explain("armory", "--from", "client");
    expect(report.answers).toMatchObject([{ data: "10.77.0.146" }]);
    expect(step(report, "no longer under this name").detail).toMatchObject({ removed: [removal] });

    const owned = await explain("10.77.0.155");
    expect(owned).toMatchObject({ question: { name: "155.0.77.10.in-addr.arpa.", type: "PTR" } });
    expect(owned.answers).toMatchObject([{ data: "armory-old.shop." }]);
    expect(step(owned, "10.77.0.155 belongs to armory-old").detail).toMatchObject({
      owners: [{ container: "armory-old", since: expect.stringMatching(/^\d{4}-.*Z$/) }],
      names: [{ name: "armory-old" }],
      removed: [removal],
    });

    const told = await text("armory", "--from", "client");
    expect(told).toMatch(
      /10\.77\.0\.146 belongs to armory-new\n.* address +of armory-new {2}in shop {2}since \d{4}-\S+ \(\d+ s ago\) {2}by file:\S+shop\.yaml in revision \d+: .*\n.*alias armory +of armory-new {2}in shop {2}since \d{4}-\S+ \(\d+ s ago\) {2}by file:\S+shop\.yaml in revision \d+: shop\.yaml changed$/m,
    );
    expect(told).toMatch(
      /10\.77\.0\.155 was alias armory +of armory-old {2}in shop {2}until .*: shop\.yaml changed {2}now armory-old's$/m,
    );
    expect(told).toMatch(/^armory\. 5 IN A 10\.77\.0\.146\n; NOERROR from registry in /m);
  });

  test("a short name goes through the container's own search list", async () => {
    const report = await explain("intranet", "--from", "client");
    expect(step(report, "goes by its resolv.conf").detail).toMatchObject({
      from: expect.stringMatching(/^\/etc\/resolv\.conf of process \d+$/),
      nameservers: ["127.0.0.11"],
      search: ["corp.example"],
      ndots: 1,
      options: ["edns0"],
    });
    expect(report).toMatchObject({
      question: { name: "intranet.", type: "A" },
      answeredAs: "intranet.corp.example.",
      answers: [{ data: "10.1.0.7" }],
    });
    expect(decisions(report, "stub")).toEqual(["goes by its resolv.conf", "asks", "takes the answer"]);
    expect(await text("intranet", "--from", "client")).toMatch(
      /^intranet\. A for client, answered as intranet\.corp\.example\.\n/,
    );
    expect(await text("armory", "--from", "client")).toMatch(/^armory\. A for client\n/);

    const short = await explain("armory", "--from", "client");
    const asked = short.steps.filter(({ decision }) => decision === "asks").map(({ detail }) => detail);
    expect(asked).toMatchObject([
      { name: "armory.corp.example." },
      { name: "armory.", why: "as it is, after the search list" },
    ]);
    expect(step(short, "goes on").detail).toEqual({ after: "nxdomain" });
    expect(short.question.name).toBe("armory.");
    expect(short.answeredAs).toBe("armory.");
  });

  test("tells of upstreams with their time, then of the cache", async () => {
    await eleven.command("cache", "flush");
    const first = await explain("intranet.corp.example");
    expect(first).toMatchObject({ origin: "upstream", upstream: "10.99.0.1:53" });
    expect(decisions(first, "cache")).toEqual(["miss", "stored"]);
    expect(decisions(first, "host-upstreams")).toEqual(["selected", "send", "reply", "chosen"]);
    const { detail } = step(first, "reply");
    expect(detail).toMatchObject({ server: "10.99.0.1:53", rcode: "NOERROR", ms: expect.any(Number) });
    expect(detail.ms as number).toBeLessThanOrEqual(first.ms);
    const again = await explain("intranet.corp.example");
    expect(again).toMatchObject({ origin: "cache" });
    expect(step(again, "hit").detail).toMatchObject({ remainingSeconds: expect.any(Number) });
  });

  test("tells what of an answer does not fit into a datagram", async () => {
    const report = await explain("many.shop", "--from", "client");
    expect(report.answers).toHaveLength(80);
    const { octets, records, of } = step(report, "truncated over UDP").detail;
    expect({ octets, of }).toEqual({ octets: 1200, of: 80 });
    expect(records).toBeLessThan(80);
    expect(step(report, "more addresses").detail.addresses).toHaveLength(64);
  });

  test("tells where else a name is known, and who is not attached", async () => {
    const report = await explain("distant.", "--from", "client");
    expect(step(report, "known in networks that client is not attached to").detail).toMatchObject({
      elsewhere: [{ network: "elsewhere", container: "far", addresses: ["10.78.0.2"] }],
    });
    const far = await explain("distant", "--from", "far");
    expect(step(far, "127.0.0.11 is not ours").detail).toEqual({
      remedy: "eleven attach far",
      untilThen: expect.stringMatching(/`eleven doctor` .*stale-alias or missing-alias/),
    });
    expect(await text("distant", "--from", "far")).toMatch(
      /127\.0\.0\.11 is not ours.*\(remedy eleven attach far, until then Docker's resolver may answer otherwise.*`eleven doctor`/,
    );
    expect(await text("distant.", "--from", "client")).not.toContain("eleven doctor");
    expect(step(far, "assumed").detail).toMatchObject({ ndots: 0, search: [], libc: "glibc (assumed)" });
  });

  test("tells that the hosts file has the name", async () => {
    const report = await explain("myself", "--from", "client");
    expect(step(report, "has the name in /etc/hosts").detail).toEqual({ addresses: ["10.77.0.9"] });
  });

  test("refuses as `query` does", async () => {
    expect(await eleven.command("explain", "web", "--from", "ghost")).toMatchObject({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(/"ghost".*\n {2}remedy: /),
    });
    expect((await eleven.command("explain", "a..b")).stderr).toContain("eleven explain");
    expect(await eleven.command("explain", "nobody.example.org")).toMatchObject({ status: 1 });
  });
});

describe.skipIf(missing())("docs/explain.md", () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const doc = readFileSync(`${root}docs/explain.md`, "utf8");
  const blocks = [...doc.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, kind, text = ""]) => ({
    kind,
    text,
  }));
  const commands = blocks
    .filter(({ kind }) => kind === "sh")
    .map(({ text }) => text.trim().split(" ").slice(1));
  let world: World;
  let eleven: Eleven;

  beforeAll(async () => {
    world = createWorld();
    eleven = await startEleven(world, `listen: []\nsources: [{ file: ${root}examples/shop.yaml }]\n`);
  });

  afterAll(async () => {
    await eleven?.stop();
    await world?.destroy();
  });

  /** Without what is another each time: times, and where the file is. */
  const lasting = (text: string) =>
    text
      .replace(/ *\d+\.\d ms/g, "T ms")
      .replace(/\S+Z \(\d+ s ago\)/g, "THEN")
      .replace(/file:\S+/g, "file:FILE")
      .replace(/^ +(?=[├└│])/gm, " ")
      .trim();

  test("shows what is shown", async () => {
    const [text] = blocks.filter(({ kind }) => kind === "text");
    expect(lasting((await eleven.command(...commands[0]!)).stdout)).toBe(lasting(text!.text));
  });

  test.each(commands)("has an example that works: eleven %s %s", async (...words) => {
    expect(await eleven.command(...words)).toMatchObject({ status: 0, stderr: "" });
  });

  test("has JSON in the shapes that are given", async () => {
    const shown = blocks.filter(({ kind }) => kind === "json").map(({ text }) => JSON.parse(text));
    const { value } = await eleven.json<ExplainReport>("explain", "database", "--from", "web-1");
    expect(Object.keys(value.steps[0]!).sort()).toEqual(Object.keys(shown[0]).sort());
    const known = value.steps.find(({ decision }) => decision === shown[0].decision);
    expect(known).toMatchObject({ who: shown[0].who, detail: shown[0].detail });
  });
});
