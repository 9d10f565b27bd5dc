import { messageOf } from "../base/errors.ts";
import { errnoName } from "./libc.ts";

/** For people: why the kernel refused a table of ours, and what to do. `modules` are those that its rules need. */
export function nftablesRefusal(
  cause: unknown,
  modules: string,
): { readonly state: string; readonly remedy?: string } {
  switch (errnoName(cause)) {
    case "EPERM":
      return {
        state: "not permitted to change nftables",
        remedy: "Run eleven as root, or give it CAP_NET_ADMIN",
      };
    case "EPROTONOSUPPORT":
    case "EAFNOSUPPORT":
      return { state: "the kernel has no nftables", remedy: "Load its module: `modprobe nf_tables`" };
    case "EOPNOTSUPP":
    case "EINVAL":
      return {
        state: "the kernel's nftables is too old",
        remedy: "Run Linux 5.12 or newer: it has tables that end with their owner",
      };
    case "ENOENT":
      return {
        state: "the kernel's nftables lacks a part",
        remedy: `Load what its rules need (${modules}), and see that NF_TABLES_IPV4 is there`,
      };
    default:
      return { state: messageOf(cause) };
  }
}
