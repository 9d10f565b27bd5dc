/**
 * A DNS message as a value (RFC 1035 §4). Everything is readonly: whoever changes an answer makes a new one.
 */

/**
 * A domain name in presentation format: absolute, ending in a dot, the letter case as it came; octets that are
 * not visible ASCII (the space is not) as `\DDD`, dots and backslashes inside a label as `\.` and `\\`, and nothing
 * else escaped (RFC 1035 §5.1). Root is `.`.
 */
export type Name = string;

export interface Header {
  readonly id: number;
  readonly qr: boolean;
  readonly opcode: number;
  readonly aa: boolean;
  readonly tc: boolean;
  readonly rd: boolean;
  readonly ra: boolean;
  readonly ad: boolean;
  readonly cd: boolean;
  /** The whole rcode; above 15 only together with EDNS (RFC 6891 §6.1.3). */
  readonly rcode: number;
}

export interface Question {
  readonly name: Name;
  readonly type: number;
  readonly class: number;
}

export interface ResourceRecord {
  readonly name: Name;
  readonly type: number;
  readonly class: number;
  /** Seconds, 0 to 2^31-1; greater values on the wire are read as 2^31-1 (RFC 8767 §4). */
  readonly ttl: number;
  readonly data: Rdata;
}

/**
 * What a record says. `kind` follows the record's type; `unknown` carries any other type's octets (RFC 3597), the
 * names in them uncompressed.
 */
export type Rdata =
  | { readonly kind: "A" | "AAAA"; readonly address: string }
  | { readonly kind: "NS" | "CNAME" | "PTR" | "DNAME"; readonly target: Name }
  | {
      readonly kind: "SOA";
      readonly mname: Name;
      readonly rname: Name;
      readonly serial: number;
      readonly refresh: number;
      readonly retry: number;
      readonly expire: number;
      readonly minimum: number;
    }
  | { readonly kind: "MX"; readonly preference: number; readonly exchange: Name }
  | { readonly kind: "TXT"; readonly strings: readonly Uint8Array[] }
  | { readonly kind: "HINFO"; readonly cpu: Uint8Array; readonly os: Uint8Array }
  | {
      readonly kind: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: Name;
    }
  | {
      readonly kind: "NAPTR";
      readonly order: number;
      readonly preference: number;
      readonly flags: Uint8Array;
      readonly services: Uint8Array;
      readonly regexp: Uint8Array;
      readonly replacement: Name;
    }
  | {
      readonly kind: "SVCB" | "HTTPS";
      readonly priority: number;
      readonly target: Name;
      readonly params: readonly SvcParam[];
    }
  | { readonly kind: "CAA"; readonly flags: number; readonly tag: string; readonly value: Uint8Array }
  | { readonly kind: "unknown"; readonly octets: Uint8Array };

/** One parameter of SVCB and HTTPS, its value as on the wire (RFC 9460 §2.2). */
export interface SvcParam {
  readonly key: number;
  readonly value: Uint8Array;
}

/** What the OPT pseudo-RR says (RFC 6891 §6.1); its part of the rcode is in the header's `rcode`. */
export interface Edns {
  readonly udpPayloadSize: number;
  readonly version: number;
  /** DNSSEC OK (RFC 3225). */
  readonly do: boolean;
  readonly options: readonly EdnsOption[];
}

export interface EdnsOption {
  readonly code: number;
  readonly data: Uint8Array;
}

/** An Extended DNS Error (RFC 8914): a number from `EdeCode` and a text for people. */
export interface ExtendedError {
  readonly code: number;
  readonly text: string;
}

/** A whole message. The OPT pseudo-RR is `edns` and never among `additional`. */
export interface Message {
  readonly header: Header;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authority: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
  readonly edns?: Edns;
}
