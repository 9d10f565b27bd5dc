/** Google's public servers: whom Docker asks where the host names nobody (observed: 20.10 to 28.5). */
export const PUBLIC_SERVERS: readonly string[] = [
  "8.8.8.8",
  "8.8.4.4",
  "2001:4860:4860::8888",
  "2001:4860:4860::8844",
];
