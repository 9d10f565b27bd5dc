// npm test: install, build, and run the whole suite. As root on Debian it installs the system packages that the
// integration tests need; elsewhere each test that can't run is listed as skipped, with its reason.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { install, root, run } from "./prepare.mjs";

/** A program that a test runs, and the Debian packages that it takes. */
const PROGRAMS = {
  ip: "iproute2",
  nsenter: "util-linux",
  dig: "bind9-dnsutils",
  dnsmasq: "dnsmasq-base",
  unbound: "unbound",
  dnsperf: "dnsperf",
  busybox: "busybox-static",
  iptables: "iptables",
  nft: "nftables",
  conntrack: "conntrack",
  dockerd: "docker.io",
  systemctl: "systemd",
  "dbus-daemon": "dbus",
  ssh: "openssh-client",
  openssl: "openssl",
  // The real libcs, and the real shells.
  gcc: "gcc libc6-dev",
  "musl-gcc": "musl-tools musl",
  zsh: "zsh",
  fish: "fish",
};

/**
 * Unpacked, not installed: that would make it this machine's own resolver, or let people log in to this machine. Where
 * one can't be had, its tests are skipped. `folder` is where the tests look for it, besides `installed`.
 */
const UNPACKED = [
  {
    installed: "/lib/systemd/systemd-resolved",
    folder: join(root, "node_modules", ".systemd-resolved"),
    packages: ["systemd-resolved"],
  },
  {
    installed: "/usr/sbin/sshd",
    folder: join(root, "node_modules", ".openssh-server"),
    packages: ["openssh-server", "libwrap0"],
  },
];

/** What a package would have started with this machine from now on: the tests start servers of their own. */
const SERVICES = {
  "docker.io": ["docker.service", "docker.socket", "containerd.service"],
  unbound: ["unbound.service", "unbound-resolvconf.service"],
};

/** Debian asks it whether a package may start its service; it is for the time of the installation only. */
const POLICY = "/usr/sbin/policy-rc.d";

function installSystemPackages() {
  const absent = Object.keys(PROGRAMS).filter((program) => spawnSync("which", [program]).status !== 0);
  if (absent.length === 0) return;
  const packages = [...new Set(absent.flatMap((program) => PROGRAMS[program].split(" ")))];
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    process.stderr.write(
      `not installed, so some tests are skipped: ${absent.join(", ")} (${packages.join(" ")})\n`,
    );
    return;
  }
  process.stderr.write(`installing ${packages.join(" ")} ...\n`);
  const services = packages.flatMap((name) => SERVICES[name] ?? []);
  const isEnabled = (name) => spawnSync("systemctl", ["is-enabled", "--quiet", name]).status === 0;
  const before = services.filter(isEnabled);
  const options = { stdio: ["ignore", 2, 2], env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
  run("apt-get", ["update", "-q"], options);
  const isOurs = !existsSync(POLICY);
  const restore = () => rmSync(POLICY, { force: true });
  if (isOurs) {
    writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
    process.once("exit", restore);
  }
  run("apt-get", ["install", "-q", "-y", "--no-install-recommends", ...packages], options);
  if (isOurs) restore();
  const enabled = services.filter((name) => !before.includes(name) && isEnabled(name));
  if (enabled.length > 0)
    spawnSync("systemctl", ["--no-reload", "disable", ...enabled], { stdio: ["ignore", 2, 2] });
}

function unpack({ installed, folder, packages }) {
  if (existsSync(installed) || existsSync(folder)) return;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return;
  const cwd = mkdtempSync(join(tmpdir(), "eleven-unpacked-"));
  const script =
    'to=$0; apt-get download -q "$@" && for one in *.deb; do dpkg -x "$one" "$to.new"; done && mv "$to.new" "$to"';
  spawnSync("sh", ["-c", script, folder, ...packages], { cwd, stdio: ["ignore", 2, 2] });
  rmSync(cwd, { recursive: true, force: true });
}

function summary(report) {
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const skipped = tests.filter(({ status }) => status !== "passed" && status !== "failed");
  if (skipped.length > 0)
    process.stdout.write(`skipped:\n${skipped.map(({ fullName }) => `  ${fullName}\n`).join("")}`);
  // A file that can't even be loaded has no tests to count, and is a failure all the same.
  const broken = report.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.length === 0,
  );
  const passed = tests.filter(({ status }) => status === "passed").length;
  const failed = tests.filter(({ status }) => status === "failed").length + broken.length;
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
  return failed;
}

install();
installSystemPackages();
for (const one of UNPACKED) unpack(one);
const folder = mkdtempSync(join(tmpdir(), "eleven-test-"));
const json = join(folder, "report.json");
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const args = [
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${json}`,
  ...process.argv.slice(2),
];
const { status } = spawnSync(process.execPath, [vitest, ...args], {
  cwd: root,
  // The writer and the readers of the answer table race for a minute here, for three seconds in `npm run ok`.
  env: { ELEVEN_RACE_SECONDS: "60", ...process.env },
  stdio: ["ignore", "inherit", "inherit"],
});
const failed = existsSync(json) ? summary(JSON.parse(readFileSync(json, "utf8"))) : 1;
rmSync(folder, { recursive: true, force: true });
process.exitCode = failed > 0 ? 1 : (status ?? 1);
