import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startContainerProcess } from "../support/container-process.ts";
import { type KeepingEngine, keepingEngine } from "../support/docker-like.ts";
import { doctor, findings } from "../support/doctor.ts";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { createWorld, type Node, type World } from "../support/world.ts";

const reason = missing("iptables", "nft");

const HEALTHY = {
  "app-1": ["10.77.0.10"],
  "web-1": ["10.77.0.155"],
  "web-2": ["10.77.0.146"],
  web: ["10.77.0.146"],
};

describe.skipIf(reason)(
  `doctor and the Docker engine's own resolver${reason === undefined ? "" : ` (${reason})`}`,
  () => {
    let world: World;
    let app: Node;
    let engine: KeepingEngine;
    let eleven: Eleven;

    beforeEach(async () => {
      world = createWorld();
      app = world.container("app-1", {});
      engine = await keepingEngine(app, HEALTHY);
      shop("web-2");
      eleven = await startEleven(world, "listen: []\nsources: [{ file: shop.yaml }]\nupstreams: []\n");
    });

    afterEach(async () => {
      await world.destroy();
    });

    /** Who has the alias `web`. */
    function shop(holder: "web-1" | "web-2"): void {
      const aliases = (name: string) => (name === holder ? ", aliases: [web]" : "");
      world.write(
        "shop.yaml",
        `networks: { shop: {} }
containers:
  app-1: { netns: ${app.netns}, networks: { shop: { ipv4: 10.77.0.10 } } }
  web-1: { networks: { shop: { ipv4: 10.77.0.155${aliases("web-1")} } } }
  web-2: { networks: { shop: { ipv4: 10.77.0.146${aliases("web-2")} } } }
`,
      );
    }

    test("an engine that answers what the sources say is found nothing about", async () => {
      expect(await findings(eleven, "stale-alias")).toEqual([]);
      expect(await findings(eleven, "missing-alias")).toEqual([]);
      expect(await findings(eleven, "engine-resolver-silent")).toEqual([]);
    });

    test("an address that an alias has lost, and the engine still answers, is a stale alias", async () => {
      await engine.keep({ ...HEALTHY, web: ["10.77.0.146", "10.77.0.155"] });
      const [stale, ...others] = await findings(eleven, "stale-alias");
      expect(others).toEqual([]);
      expect(stale).toMatchObject({
        severity: "error",
        subject: "web in network shop",
        evidence: {
          address: "10.77.0.155",
          heldNowBy: "web-1",
          attached: [{ container: "web-2", addresses: ["10.77.0.146"] }],
          // Nobody bound it there while eleven looked.
          lastHolder: null,
          seenIn: ["app-1"],
        },
      });
      expect(stale?.evidence.host).toEqual(expect.any(String));
      expect((await doctor(eleven)).status).toBe(1);
    });

    test("who held it last, until when and why it lost it, is told from history", async () => {
      const { revision } = await eleven.status();
      shop("web-1");
      const moved = await eleven.revisionAfter(revision);
      shop("web-2");
      await eleven.revisionAfter(moved);
      await engine.keep({ ...HEALTHY, web: ["10.77.0.146", "10.77.0.155"] });
      const [stale] = await findings(eleven, "stale-alias");
      expect(stale?.evidence.lastHolder).toMatchObject({
        container: "web-1",
        action: "removed",
        cause: expect.stringContaining("shop.yaml"),
      });
      expect(stale?.text).toContain("web-1 held it there until");
    });

    test("a name that nobody has any more, and the engine still knows, is one too", async () => {
      const { revision } = await eleven.status();
      world.write(
        "shop.yaml",
        `networks: { shop: {} }
containers:
  app-1: { netns: ${app.netns}, networks: { shop: { ipv4: 10.77.0.10 } } }
  web-1: { networks: { shop: { ipv4: 10.77.0.155 } } }
`,
      );
      await eleven.revisionAfter(revision);
      const stale = await findings(eleven, "stale-alias");
      expect(stale.map(({ subject }) => subject).sort()).toEqual([
        "web in network shop",
        "web-2 in network shop",
      ]);
      expect(stale.map(({ evidence }) => evidence.address)).toEqual(["10.77.0.146", "10.77.0.146"]);
    });

    test("a name that the engine does not know, or not all of, is missing", async () => {
      const { web: _, ...rest } = HEALTHY;
      await engine.keep(rest);
      expect(await findings(eleven, "missing-alias")).toMatchObject([
        { severity: "error", subject: "web in network shop", evidence: { seenIn: ["app-1"], answered: [] } },
      ]);
      expect(await findings(eleven, "stale-alias")).toEqual([]);
    });

    test("the engine is asked by its own port where 127.0.0.11 is ours, and its fault is no error then", async () => {
      await engine.keep({ ...HEALTHY, web: ["10.77.0.146", "10.77.0.155"] });
      expect(await eleven.attach("app-1")).toMatchObject({ done: ["app-1"] });
      expect(await findings(eleven, "stale-alias")).toMatchObject([{ severity: "warning" }]);
      await engine.keep(HEALTHY);
      expect(await findings(eleven, "stale-alias")).toEqual([]);
    });

    test("an engine that hangs is silent", async () => {
      engine.hang();
      expect(await findings(eleven, "engine-resolver-silent")).toMatchObject([
        { severity: "error", subject: "app-1" },
      ]);
      expect(await findings(eleven, "stale-alias")).toEqual([]);
    });

    test("an engine that is down is silent where a container's resolv.conf counts on it", async () => {
      await engine.kill();
      await startContainerProcess(world, app, { "resolv.conf": "nameserver 127.0.0.11\n" });
      expect(await findings(eleven, "engine-resolver-silent")).toMatchObject([
        { severity: "error", subject: "app-1" },
      ]);
    });
  },
);
