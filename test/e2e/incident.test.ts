import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExplainReport } from "../../src/api/control.ts";
import { keepingEngine } from "../support/docker-like.ts";
import { doctor } from "../support/doctor.ts";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { createWorld, type Node, type World } from "../support/world.ts";

const reason = missing("dig", "iptables", "nft");

/** The address that the alias has, and the one that it had. */
const RIGHT = "10.77.0.146";
const WRONG = "10.77.0.155";

/**
 * The incident of a field report: a service was upgraded, its alias went to another container, and on one host every
 * container still got both addresses. Nobody could look into Docker's resolver; restarting dockerd was the cure.
 */
describe.skipIf(reason)(
  `an alias that Docker does not let go of${reason === undefined ? "" : ` (${reason})`}`,
  () => {
    let world: World;
    let app: Node;
    let eleven: Eleven;

    beforeAll(async () => {
      world = createWorld();
      world.bridge("shop0", "10.77.0.1/16");
      app = world.container("app-1", { shop0: ["10.77.0.10/16"] });
      const engine = await keepingEngine(app, { "app-1": ["10.77.0.10"], armory: [WRONG] });
      shop({ old: "aliases: [armory]", next: "" });
      eleven = await startEleven(world, "listen: []\nsources: [{ file: shop.yaml }]\nupstreams: []\n");
      const { revision } = await eleven.status();
      // The upgrade: the registry learns of it, and so does Docker's resolver, but for the old address.
      shop({ old: "", next: "aliases: [armory]" });
      await eleven.revisionAfter(revision);
      await engine.keep({
        "app-1": ["10.77.0.10"],
        "armory-old": [WRONG],
        "armory-new": [RIGHT],
        armory: [RIGHT, WRONG],
      });
    });

    afterAll(async () => {
      await eleven?.stop();
      await world?.destroy();
    });

    function shop({ old, next }: { old: string; next: string }): void {
      world.write(
        "shop.yaml",
        `networks: { shop: {} }
containers:
  app-1: { netns: ${app.netns}, networks: { shop: { ipv4: 10.77.0.10 } } }
  armory-old: { networks: { shop: { ipv4: ${WRONG}, ${old} } } }
  armory-new: { networks: { shop: { ipv4: ${RIGHT}, ${next} } } }
`,
      );
    }

    /** What programs in app-1 get. */
    async function lookup(): Promise<string[]> {
      const { stdout } = await app.run("dig", ["@127.0.0.11", "+short", "+tries=1", "armory"]);
      return stdout.trim().split("\n").sort();
    }

    const staleAlias = async () =>
      (await doctor(eleven)).findings.filter(({ code }) => code === "stale-alias");

    test("doctor names host, alias, address, and who held it last", async () => {
      expect(await lookup()).toEqual([RIGHT, WRONG]);
      const [stale, ...others] = await staleAlias();
      expect(others).toEqual([]);
      expect(stale).toMatchObject({
        severity: "error",
        evidence: {
          network: "shop",
          name: "armory",
          address: WRONG,
          attached: [{ container: "armory-new", addresses: [RIGHT] }],
          lastHolder: {
            container: "armory-old",
            action: "removed",
            cause: expect.stringContaining("shop.yaml"),
          },
          heldNowBy: "armory-old",
          seenIn: ["app-1"],
        },
      });
      const { status, stdout } = await eleven.command("doctor");
      expect(status).toBe(1);
      expect(stdout).toContain("error stale-alias: armory in network shop");
      expect(stdout).toContain("eleven attach app-1");
    });

    test("explain shows the truth", async () => {
      const { value } = await eleven.json<ExplainReport>("explain", "armory", "--from", "app-1");
      expect(value.answers.map(({ data }) => data)).toEqual([RIGHT]);
      const { stdout } = await eleven.command("explain", "armory", "--from", "app-1");
      expect(stdout).toContain("armory-new");
      // And why the other one is not in it.
      expect(stdout).toContain(WRONG);
      expect(stdout).toContain("armory-old");
    });

    test("attach heals it, and nobody restarts Docker", async () => {
      expect(await eleven.attach("app-1")).toMatchObject({ done: ["app-1"] });
      expect(await lookup()).toEqual([RIGHT]);
      // The engine is as wrong as before, which matters to nobody now.
      expect(await staleAlias()).toMatchObject([{ severity: "warning" }]);
    });
  },
);
