import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../support/engine.ts";
import { bootSystemd, type Machine, resolvedMounts, systemdMissing } from "../support/systemd.ts";

const mounts = resolvedMounts();
const reason =
  systemdMissing("dbus-daemon", "dig") ?? (mounts === undefined ? "needs systemd-resolved" : undefined);
const root = fileURLToPath(new URL("../../", import.meta.url));
const NODE = "/usr/local/bin/node";
const ELEVEN = "/opt/eleven/bin/eleven";
const WEB = "10.5.0.2";
/** What the host's own server answers to every name, late to those that begin with "slow". */
const HOSTS = "192.0.2.11";
/** What whoever asks eleven for a name below `example` is told, at once. */
const OURS = "198.51.100.7";

const CONFIG = `listen: [127.0.0.1:5311]
sources: [{ file: shop.yaml }]
domains: { example: [127.0.0.1:5399] }
`;
const SHOP = `networks: { shop: {} }
containers: { web: { networks: { shop: { ipv4: ${WEB} } } } }
`;
const DAEMON = `[Service]
ExecStart=${ELEVEN} serve --config /etc/eleven/eleven.yaml
RuntimeDirectory=eleven
`;
const STAND_IN = `[Service]
ExecStart=${NODE} /opt/eleven/test/support/stand-in.mjs`;

describe.skipIf(reason)(`systemd-resolved${reason === undefined ? "" : ` (${reason})`}`, () => {
  let machine: Machine;

  beforeAll(async () => {
    const printed = execFileSync(process.execPath, [`${root}bin/eleven`, "resolved", "--json"], {
      encoding: "utf8",
    });
    const unit = JSON.parse(printed) as { path: string; text: string };
    const put = (path: string, text: string) => `cat >${path.replace(/^\//, "")} <<'EOF'\n${text}\nEOF\n`;
    const units = "/etc/systemd/system";
    machine = await bootSystemd({
      units: [
        "systemd-resolved.service",
        "hosts.service",
        "ours.service",
        "eleven.service",
        "eleven-resolved.service",
      ],
      mounts: { ...mounts, "/opt/eleven": root, [NODE]: process.execPath },
      prepare: `
        echo 'u systemd-resolve - "systemd Resolver"' | systemd-sysusers -
        # Without a network resolved asks nobody at all.
        ip link add uplink0 type veth peer name uplink1
        ip link set uplink0 up
        ip link set uplink1 up
        ip address add 203.0.113.1/24 dev uplink0
        mkdir -p etc/eleven etc/systemd/resolved.conf.d
        rm -f etc/resolv.conf
        echo 'nameserver 127.0.0.53' >etc/resolv.conf
        ${put("/etc/eleven/eleven.yaml", CONFIG)}
        ${put("/etc/eleven/shop.yaml", SHOP)}
        ${put("/etc/systemd/resolved.conf.d/hosts.conf", "[Resolve]\nDNS=127.0.0.2:5300\nFallbackDNS=\n")}
        ${put(`${units}/eleven.service`, DAEMON)}
        ${put(`${units}/hosts.service`, `${STAND_IN} ${HOSTS} 300 127.0.0.2 5300`)}
        ${put(`${units}/ours.service`, `${STAND_IN} ${OURS} 0 127.0.0.1 5399`)}
        ${put(unit.path, unit.text)}
      `,
    });
    await until("eleven is ready", async () => (await run(ELEVEN, "status", "--wait", "10")).status === 0);
  });

  afterAll(() => machine?.destroy());

  const run = (command: string, ...args: readonly string[]) => machine.enter(command, args);
  const dig = async (...args: readonly string[]) =>
    (await run("dig", "+short", "+tries=1", ...args)).stdout.trim();

  test("sends what is below the suffix to eleven, with what `eleven resolved` prints", async () => {
    expect(await dig("@127.0.0.53", "web.shop.docker")).toBe(WEB);
    expect((await run("dig", "@127.0.0.53", "nobody.docker")).stdout).toContain("status: NXDOMAIN");
  });

  test("asks eleven for nothing else", async () => {
    // Whoever is asked beside the host's server answers first.
    for (let index = 0; index < 5; index++)
      expect(await dig("@127.0.0.53", `slow-${index}.example`)).toBe(HOSTS);
    expect(await dig("@127.0.0.1", "-p", "5311", "slow-0.example")).toBe(OURS);
  });

  test("is asked by eleven for names of the host's, and does not ask back", async () => {
    expect(await dig("@127.0.0.1", "-p", "5311", "www.elsewhere.net")).toBe(HOSTS);
    const { upstreams } = JSON.parse((await run(ELEVEN, "status", "--json")).stdout);
    expect(upstreams).toMatchObject([{ address: "127.0.0.53:53", state: "up" }, {}]);
  });

  test("goes on so after its own restart, and forgets it when the unit is stopped", async () => {
    await run("systemctl", "restart", "systemd-resolved.service");
    await until("names are found again", async () => (await dig("@127.0.0.53", "web.shop.docker")) === WEB);
    await run("systemctl", "stop", "eleven-resolved.service");
    // The kernel tells it in its own time that the link is gone.
    await until(
      "the host's server is asked",
      async () => (await dig("@127.0.0.53", "web.shop.docker")) === HOSTS,
    );
  });
});
