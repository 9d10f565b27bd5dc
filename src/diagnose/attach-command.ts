/** So many names fit a line. */
const MAX_NAMES = 5;

/** The command, for people, that takes over 127.0.0.11 of these containers. */
export function attachCommand(names: readonly string[]): string {
  if (names.length <= MAX_NAMES) return `\`eleven attach ${names.join(" ")}\``;
  return `\`eleven attach\` of these ${names.length} containers (or \`attach: all\` in eleven.yaml)`;
}
