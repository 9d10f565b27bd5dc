/**
 * Whether a name in a network is the one that a person asked to see: `web`, `web.`, `Web.shop`. By text, so that
 * names that can't be DNS names are found, too.
 */
export function nameMatcher(wanted: string): (name: string, network: string) => boolean {
  const text = plain(wanted);
  return (name, network) => plain(name) === text || `${plain(name)}.${plain(network)}` === text;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
