/** Google's public servers of IPv4, which Docker puts in where the host names nobody (observed: 20.10 to 28.5). */
export const DOCKERS_IPV4: readonly string[] = ["8.8.8.8", "8.8.4.4"];

/** Those, and what Docker adds to them for a container with IPv6. */
export const PUBLIC_SERVERS: readonly string[] = [
  ...DOCKERS_IPV4,
  "2001:4860:4860::8888",
  "2001:4860:4860::8844",
];
