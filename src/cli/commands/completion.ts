import { Argument, type Command } from "commander";
import { controlClient } from "../../api/client.ts";
import { defaultSocket } from "../../config/socket-path.ts";
import { complete, FILES } from "../complete.ts";
import { outputOf, printable } from "../output.ts";

type Shell = "bash" | "zsh" | "fish";

/**
 * Each asks `eleven __complete -- WORDS`, so that it knows whatever the installed eleven knows: lines of a value, a tab
 * and a description; or `:files` alone.
 */
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# eval "$(eleven completion bash)", or as /etc/bash_completion.d/eleven
_eleven() {
  local value description
  COMPREPLY=()
  while IFS=$'\\t' read -r value description; do
    if [[ $value == :files ]]; then
      compopt -o default
      return
    fi
    COMPREPLY+=("$value")
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _eleven eleven`,
  zsh: `#compdef eleven
# source <(eleven completion zsh), or as _eleven in a folder of $fpath
_eleven() {
  local line
  local -a lines found
  lines=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ $lines[1] == :files ]]; then
    _files
    return
  fi
  for line in $lines; do
    found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  _describe eleven found
}
if [[ $funcstack[1] == _eleven ]]; then
  _eleven "$@"
else
  compdef _eleven eleven
fi`,
  fish: `# eleven completion fish | source, or as ~/.config/fish/completions/eleven.fish
function __eleven_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
    if test "$line" = :files
      __fish_complete_path "$current"
    else
      echo $line
    end
  end
end
complete -c eleven -f -a '(__eleven_complete)'`,
};

/** A shell waits for us with every press of TAB. */
const PATIENCE_MS = 500;

export function completionCommand(program: Command): Command {
  return program
    .command("completion")
    .description("the script with which a shell completes eleven's commands, options and containers")
    .addArgument(new Argument("<shell>", "whose").choices(Object.keys(SCRIPTS)))
    .addHelpText(
      "after",
      '\nExamples:\n  eval "$(eleven completion bash)"\n' +
        "  eleven completion fish >~/.config/fish/completions/eleven.fish",
    )
    .action((shell: Shell, _options: object, command: Command) => {
      outputOf(command).print({ shell, script: SCRIPTS[shell] }, () => SCRIPTS[shell]);
    });
}

/** What the scripts call. */
export function completeCommand(program: Command): Command {
  return program.command("__complete [words...]", { hidden: true }).action(async (words: string[]) => {
    const found = await complete(program, words, containers);
    const lines =
      found === FILES
        ? [":files"]
        : found.map(({ value, description }) => `${printable(value)}\t${printable(description)}`);
    if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
    // A daemon that hangs is no longer waited for.
    process.exit();
  });
}

async function containers(socket = defaultSocket()): Promise<string[]> {
  const records = await Promise.race([
    controlClient(socket)
      .records({})
      .catch(() => []),
    new Promise<[]>((resolve) => setTimeout(resolve, PATIENCE_MS, [])),
  ]);
  return [...new Set(records.map(({ container }) => container))].sort();
}
