import type { Argument, Command, Option } from "commander";

/** What may stand where the cursor is. */
export interface Completion {
  readonly value: string;
  readonly description: string;
}

/** Paths are the shell's own business. */
export const FILES = "files";

/** Names of the containers that the daemon knows; nothing when there is none, since nobody asked for an error. */
export type Containers = (socket: string | undefined) => Promise<readonly string[]>;

/**
 * Completes the last of `words` (what stands behind `eleven` up to the cursor), from the commands as they are declared:
 * their names, options and choices. What an option or argument calls its value says the rest: `<container>` is a
 * container's name, `<file>` and `<path>` a path.
 */
export async function complete(
  program: Command,
  words: readonly string[],
  containers: Containers,
): Promise<readonly Completion[] | typeof FILES> {
  const { command, operands, awaiting, isOperandOnly, socket } = read(program, words.slice(0, -1));
  // bash takes `--libc=musl` apart, into three words.
  const current = (words.at(-1) ?? "").replace(/^=$/, "");
  const [, flag, given = ""] = /^(--[\w-]+)=(.*)$/.exec(current) ?? [];
  const options = optionsOf(program, command);

  if (awaiting !== undefined) return values(awaiting, current, "");
  if (!isOperandOnly && flag !== undefined) {
    const option = options.find((each) => each.long === flag);
    return option === undefined ? [] : values(option, given, `${flag}=`);
  }
  if (!isOperandOnly && current.startsWith("-")) {
    return startingWith(
      current,
      options.map(({ long, short, description }) => ({ value: long ?? short ?? "", description })),
    );
  }
  if (command.commands.length > 0) {
    const commands = command.createHelp().visibleCommands(command);
    return startingWith(
      current,
      commands.map((each) => ({ value: each.name(), description: each.description() })),
    );
  }
  const { registeredArguments: all } = command;
  const argument = all[operands] ?? (all.at(-1)?.variadic === true ? all.at(-1) : undefined);
  return argument === undefined ? [] : values(argument, current, "");

  async function values(of: Option | Argument, typed: string, before: string) {
    const kind = placeholder(of);
    if (/^(file|path)$/.test(kind)) return FILES;
    const isContainer = /^containers?$/.test(kind);
    const names = of.argChoices ?? (isContainer ? await containers(socket) : []);
    return startingWith(
      before + typed,
      names.map((name) => ({ value: before + name, description: isContainer ? "container" : "" })),
    );
  }
}

interface Read {
  readonly command: Command;
  /** How many arguments of the command there are already. */
  readonly operands: number;
  /** The option whose value comes next. */
  readonly awaiting: Option | undefined;
  /** Behind `--` nothing is an option. */
  readonly isOperandOnly: boolean;
  /** The value of `--socket`. */
  readonly socket: string | undefined;
}

/** What the words before the cursor's come to. */
function read(program: Command, words: readonly string[]): Read {
  let command = program;
  let operands = 0;
  let awaiting: Option | undefined;
  let isOperandOnly = false;
  let socket: string | undefined;
  for (const word of words.filter((word) => word !== "=")) {
    if (awaiting !== undefined) {
      if (awaiting.long === "--socket") socket = word;
      awaiting = undefined;
    } else if (!isOperandOnly && word === "--") isOperandOnly = true;
    else if (!isOperandOnly && word.startsWith("-")) {
      const [flag, value] = word.split(/=(.*)/s);
      const option = optionsOf(program, command).find(({ long, short }) => flag === long || flag === short);
      if (flag === "--socket") socket = value;
      if (option?.required === true && value === undefined) awaiting = option;
    } else {
      const next = command.commands.find((each) => each.name() === word);
      if (next === undefined) operands += 1;
      else command = next;
    }
  }
  return { command, operands, awaiting, isOperandOnly, socket };
}

function optionsOf(program: Command, command: Command): Option[] {
  const own = command.createHelp().visibleOptions(command);
  return command === program
    ? own
    : [...own, ...program.options.filter(({ long }) => !own.some((each) => each.long === long))];
}

function placeholder(of: Option | Argument): string {
  return "flags" in of ? (/[<[]([\w-]+)/.exec(of.flags)?.[1] ?? "") : of.name();
}

function startingWith(typed: string, completions: readonly Completion[]): Completion[] {
  return completions.filter(({ value }) => value.startsWith(typed));
}
