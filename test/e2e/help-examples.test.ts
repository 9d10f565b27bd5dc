import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { createWorld, end, type Node, type World } from "../support/world.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const reason = missing("bash");

/** These run until somebody ends them. */
const LASTING = ["serve", "watch"];
/** These may say "no" with exit status 1: what they look at is not the example's, but the machine's. */
const MAY_SAY_NO = ["doctor", "lookup"];

interface Help {
  /** `cache flush` */
  readonly command: string;
  readonly examples: readonly string[];
}

/** Every command that `--help` leads to. */
function helps(words: readonly string[] = []): Help[] {
  const { stdout } = spawnSync(process.execPath, [`${root}bin/eleven`, ...words, "--help"], {
    encoding: "utf8",
  });
  const [, list = ""] = /\nCommands:\n((?: .*\n)*)/.exec(stdout) ?? [];
  const [, examples = ""] = /\nExamples:\n((?: .*\n)*)/.exec(stdout) ?? [];
  const below = [...list.matchAll(/^ {2}([a-z][\w-]*)/gm)]
    .map(([, name]) => name!)
    .filter((name) => name !== "help");
  const own = {
    command: words.join(" "),
    examples: examples
      .trim()
      .split(/\n */)
      .filter((line) => line !== ""),
  };
  return [...(words.length === 0 ? [] : [own]), ...below.flatMap((name) => helps([...words, name]))];
}

const all = helps();

test("each command's --help has two examples, of itself", () => {
  expect(all.map(({ command }) => command)).toEqual(expect.arrayContaining(["serve", "query", "completion"]));
  for (const { command, examples } of all) {
    expect(examples.length, command).toBeGreaterThanOrEqual(2);
    for (const example of examples) expect(example).toContain(`eleven ${command}`);
  }
});

describe.skipIf(reason)(`examples of --help${reason === undefined ? "" : ` (${reason})`}`, () => {
  let world: World;
  /** Where the examples of `serve` run, whose listener would be in the other daemon's way. */
  let alone: Node;
  let socket: string;

  beforeAll(async () => {
    world = createWorld();
    alone = world.container("alone", {});
    mkdirSync(join(world.folder, "bin"));
    mkdirSync(join(world.folder, ".config", "fish", "completions"), { recursive: true });
    symlinkSync(`${root}bin/eleven`, join(world.folder, "bin", "eleven"));
    // The example's containers, two of which have a namespace here, to attach.
    const shop = readFileSync(`${root}examples/shop.yaml`, "utf8").replace(
      /^ {2}(web-\d):\n/gm,
      (line, name: string) => `${line}    netns: ${world.container(name, {}).netns}\n`,
    );
    const eleven = await startEleven(world, `sources: [{ file: ${world.write("shop.yaml", shop)} }]\n`);
    socket = eleven.socket;
  });

  afterAll(async () => {
    await world?.destroy();
  });

  /**
   * A script as if the machine were its own: a /run with our daemon's socket in the usual place (or none), an /etc
   * that has a configuration, and a home.
   */
  function own(script: string, daemon: boolean): string[] {
    const preparation = [
      "set -e",
      `export HOME=${world.folder} PATH=${join(world.folder, "bin")}${delimiter}$PATH`,
      "mount -t tmpfs none /run",
      "mkdir -p /run/eleven /run/etc/upper/eleven /run/etc/work",
      `cp ${root}examples/eleven.yaml ${root}examples/shop.yaml /run/etc/upper/eleven/`,
      "mount -t overlay none -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work /etc",
      ...(daemon ? [`ln -s ${socket} /run/eleven/eleven.sock`] : []),
      "cd /",
    ];
    return ["--mount", "--propagation", "private", "bash", "-c", `${preparation.join("\n")}\n${script}`];
  }

  for (const { command, examples } of all) {
    const isLasting = LASTING.includes(command);
    test.each(examples)(`%s`, async (example) => {
      if (isLasting) return lasts(command, example);
      const { status, stdout, stderr } = await world.host.run("unshare", own(example, true), {
        timeoutMs: 55_000,
      });
      expect(stderr).not.toMatch(/Cannot|remedy|not found/);
      expect(MAY_SAY_NO.includes(command) ? [0, 1] : [0], `${stdout}${stderr}`).toContain(status);
      if (example.includes("--json")) expect(() => JSON.parse(stdout), stdout).not.toThrow();
    });
  }

  /** It is there while the daemon is asked, and goes when it is told to, without complaint. */
  async function lasts(command: string, example: string): Promise<void> {
    const node = command === "serve" ? alone : world.host;
    const script = `${example} & eleven status --wait 20 >&2 && kill $! && wait $!`;
    const child = node.start("unshare", own(script, command !== "serve"));
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.stdout?.resume();
    const status = await new Promise((resolve) => child.once("close", resolve));
    await end(child);
    expect(stderr).not.toMatch(/Cannot|remedy|not found/);
    // A shell says 128 and more for what a signal has ended.
    expect([0, 143], stderr).toContain(status);
  }
});
