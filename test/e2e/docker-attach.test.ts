import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { type Engine, engineMissing, startEngine, until } from "../support/engine.ts";
import { engineHost } from "../support/engine-host.ts";

const reason = engineMissing();
const HOSTS = "failed it has the host's network, and no 127.0.0.11 of its own";

describe.skipIf(reason)(
  `whom we attach of a real engine${reason === undefined ? "" : ` (${reason})`}`,
  () => {
    let engine: Engine;
    let eleven: Eleven | undefined;

    beforeAll(async () => {
      engine = await startEngine();
      await engine.docker("network", "create", "shop");
    });

    afterEach(async () => {
      await eleven?.stop();
      eleven = undefined;
      const left = (await engine.docker("ps", "--all", "--quiet")).split("\n").filter((id) => id !== "");
      if (left.length > 0) await engine.docker("rm", "--force", ...left);
    });

    afterAll(() => engine?.destroy());

    const run = (name: string, network = "shop") =>
      engine.docker("run", "--detach", "--name", name, "--network", network, "bb:1", "sleep", "1000");

    async function start(): Promise<Eleven> {
      const config = `listen: []\nsources: [{ docker: ${engine.host} }]\nattach: all\n`;
      eleven = await startEleven(engineHost(engine), config);
      return eleven;
    }

    /** `NAME STATE` of each, and why, where something is wrong. */
    async function rows(): Promise<string[]> {
      const { attachments } = await eleven!.status();
      return attachments
        .map(({ container, state, reason }) =>
          `${container} ${state} ${state === "failed" ? reason : ""}`.trim(),
        )
        .sort();
    }

    const become = (...wanted: string[]) =>
      until(wanted.join(", "), async () => (await rows()).join() === wanted.join());

    test("one that is detached stays so when two swap their names, and when it is made anew", async () => {
      await Promise.all([run("aa"), run("bb")]);
      await start();
      await become("aa attached", "bb attached");
      await eleven!.json("detach", "aa");
      for (const [from, to] of [
        ["aa", "t1"],
        ["bb", "aa"],
        ["t1", "bb"],
      ] as const)
        await engine.docker("rename", from, to);
      await become("aa attached", "bb detached");
      // As compose does it.
      await run("new_bb");
      await engine.docker("rm", "--force", "bb");
      await engine.docker("rename", "new_bb", "bb");
      await become("aa attached", "bb detached");
    });

    test("one that shares a namespace over another has its view and is attached, also when the one between is gone", async () => {
      await run("web");
      await run("second", "container:web");
      await run("third", "container:second");
      await start();
      await become("second attached", "third attached", "web attached");
      expect(await eleven!.query("web", "--from", "third")).toMatchObject({ rcode: "NOERROR" });
      await engine.docker("rm", "--force", "second");
      await become("third attached", "web attached");
      expect(await eleven!.query("web", "--from", "third")).toMatchObject({ rcode: "NOERROR" });
    });

    test("one that shares a namespace over another that we never knew is attached, unless it is the host's", async () => {
      await run("web");
      await run("hostc", "host");
      await Promise.all([run("second", "container:web"), run("hostb", "container:hostc")]);
      await Promise.all([run("third", "container:second"), run("hosta", "container:hostb")]);
      await engine.docker("rm", "--force", "second", "hostb");
      await start();
      await become("third attached", "web attached");
      await eleven!.command("attach", "hosta");
      await become(`hosta ${HOSTS}`, "third attached", "web attached");
      await eleven!.stop();
      await engine.docker("rm", "--force", "web", "hostc");
      await start();
      await become("third attached");
      await eleven!.command("attach", "hosta");
      await become(`hosta ${HOSTS}`, "third attached");
    });

    test("one that shares a namespace stays attached throughout when the one whose it is stops", async () => {
      await run("web");
      await run("side", "container:web");
      await start();
      await become("side attached", "web attached");
      await engine.docker("stop", "--time", "0", "web");
      await become("side attached");
      expect(eleven!.log().match(/attached a container/g)).toHaveLength(2);
    });

    test("one in the host's network is not, also when that was another's who is gone", async () => {
      await run("hostc", "host");
      await run("hostb", "container:hostc");
      await run("hosta", "container:hostb");
      await run("web");
      await start();
      await become("web attached");
      await engine.docker("rm", "--force", "hostc");
      // Nobody remembers it from here on.
      await eleven!.stop();
      await start();
      await become("web attached");
      for (const name of ["hosta", "hostb"]) await eleven!.command("attach", name);
      await become(`hosta ${HOSTS}`, `hostb ${HOSTS}`, "web attached");
    });
  },
);
