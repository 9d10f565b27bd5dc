import { symlinkSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { has, missing } from "../support/requirements.ts";
import { createWorld, type World } from "../support/world.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const reason = missing("script");
const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

/** Shells with nobody's settings, and what each needs to take our script. */
const STARTS: Readonly<Record<Shell, { command: string; prepare: string }>> = {
  bash: { command: "bash --norc --noprofile -i", prepare: 'eval "$(eleven completion bash)"' },
  zsh: {
    command: "zsh -f -i",
    prepare: "autoload -Uz compinit && compinit -u -D && source <(eleven completion zsh)",
  },
  fish: { command: "fish --no-config -i", prepare: "eleven completion fish | source" },
};

describe.skipIf(reason)(`completion${reason === undefined ? "" : ` (${reason})`}`, () => {
  let world: World;
  let eleven: Eleven;
  let env: Record<string, string>;

  beforeAll(async () => {
    world = createWorld();
    eleven = await startEleven(world, `listen: []\nsources: [{ file: ${root}examples/shop.yaml }]\n`);
    const bin = join(world.folder, "bin");
    await mkdir(bin);
    symlinkSync(`${root}bin/eleven`, join(bin, "eleven"));
    env = { PATH: `${bin}${delimiter}${process.env.PATH}`, HOME: world.folder, TERM: "dumb", PS1: "$ " };
  });

  afterAll(async () => {
    await world?.destroy();
  });

  /** What comes out when somebody types this at a terminal; `\t` is TAB. */
  async function type(shell: Shell, keys: string): Promise<string> {
    const { command, prepare } = STARTS[shell];
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const args = [...variables, "script", "-qec", command, "/dev/null"];
    const { stdout } = await world.host.run("env", args, {
      input: `${prepare}\n${keys}\nexit\n`,
      timeoutMs: 55_000,
    });
    return stdout;
  }

  for (const shell of SHELLS) {
    const absent = has(shell) ? undefined : `needs ${shell}`;
    describe.skipIf(absent)(`in ${shell}${absent === undefined ? "" : ` (${absent})`}`, () => {
      test("completes a command, an option and a choice", async () => {
        const typed = await type(shell, "eleven sort-a\t--libc mu\t--sour\t::1,10.0.0.1 10.0.0.2 ::1 --js\t");
        expect(typed).toContain('[{"address":"::1","source":"::1","label":0,"precedence":50,"scope":2');
      });

      test("completes a choice behind an equals sign", async () => {
        const typed = await type(shell, "eleven resolvconf --host /nowhere --mode=leg\t--json");
        expect(typed).toContain('"upstreams":[{"address":"8.8.8.8"');
      });

      test("completes a container by asking the daemon", async () => {
        const typed = await type(
          shell,
          `eleven query --json --socket ${eleven.socket} database --from web-1\t`,
        );
        expect(typed).toContain('"from":"web-1"');
        const whole = await type(shell, `eleven query --json --socket ${eleven.socket} database --from d\t`);
        expect(whole).toContain('"from":"db"');
      });

      test("completes a path", async () => {
        world.write("shop-of-mine", "");
        const typed = await type(shell, `eleven resolvconf --json --host ${world.folder}/shop-of\t`);
        expect(typed).toContain(`${world.folder}/shop-of-mine`);
        expect(typed).toContain('"upstreams"');
      });
    });
  }

  test("is quick, and silent about a daemon that is not there", async () => {
    const { status, stdout, stderr } = await world.host.run(`${root}bin/eleven`, [
      "__complete",
      ...["--", "--socket", "/nowhere", "attach", ""],
    ]);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  test("knows every command that --help shows", async () => {
    const help = (await eleven.command("--help")).stdout;
    const [, list = ""] = /\nCommands:\n(.*)$/s.exec(help) ?? [];
    const shown = [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name);
    const { stdout } = await world.host.run(`${root}bin/eleven`, ["__complete", "--", ""]);
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.split("\t")[0]),
    ).toEqual(shown);
    expect(shown).toContain("completion");
  });

  test("prints a script as text, and in JSON", async () => {
    for (const shell of SHELLS) {
      const { stdout } = await eleven.command("completion", shell);
      expect((await eleven.json("completion", shell)).value).toEqual({ shell, script: stdout.trimEnd() });
    }
    const { status, stderr } = await eleven.command("completion", "csh");
    expect(status).toBe(2);
    expect(stderr).toMatch(/bash, zsh, fish.*remedy/s);
  });
});
