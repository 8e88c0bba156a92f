/** A certificate authority for TLS between the parts of a test: X.509 (RFC 5280), ECDSA P-256. */

import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import {
  bitString,
  boolean,
  concat,
  der,
  integer,
  octetString,
  oid,
  sequence,
  set,
  utcTime,
  utf8String,
} from "./der.ts";

const HOUR = 3_600_000;

/** A certificate and its key, both PEM; the key as PKCS #8. */
export interface IssuedCertificate {
  certPem: string;
  keyPem: string;
}

export interface IssueOptions {
  /** DNS names and IP addresses the certificate is valid for. */
  hosts: readonly string[];
  /** Subject; a client certificate's user name in Kubernetes. @default the first host */
  commonName?: string;
  /** Subject; a client certificate's group in Kubernetes. @default none */
  organization?: string;
  /** For a client rather than for a server. @default false */
  client?: boolean;
  /** @default in a day */
  notAfter?: Date;
}

/**
 * @example
 * const ca = await CertificateAuthority.create("test");
 * const { certPem, keyPem } = await ca.issue({ hosts: ["localhost", "127.0.0.1", "::1"] });
 */
export class CertificateAuthority {
  readonly certificatePem: string;
  readonly #keys: KeyPair;
  readonly #name: Uint8Array;

  private constructor(commonName: string) {
    this.#keys = generateKeys();
    this.#name = distinguishedName(commonName);
    this.certificatePem = certificate({
      issuer: this.#name,
      issuerKeys: this.#keys,
      subject: this.#name,
      publicKey: this.#keys.spki,
      notAfter: new Date(Date.now() + 365 * 24 * HOUR),
      extensions: [
        extension("2.5.29.19", true, sequence(boolean(true))), // basicConstraints: cA
        extension("2.5.29.15", true, der(0x03, Uint8Array.of(1, 0b110))), // keyCertSign, cRLSign
        extension("2.5.29.14", false, octetString(keyIdentifier(this.#keys.spki))),
      ],
    });
  }

  /** Makes a CA of its own; two CAs of one name do not vouch for each other's certificates. */
  static create(commonName: string): Promise<CertificateAuthority> {
    return Promise.resolve(new CertificateAuthority(commonName));
  }

  /** Issues a certificate with a key of its own. */
  issue(options: IssueOptions): Promise<IssuedCertificate> {
    const { hosts, organization, client = false } = options;
    const commonName = options.commonName ?? hosts[0] ?? "test";
    const notAfter = options.notAfter ?? new Date(Date.now() + 24 * HOUR);
    const keys = generateKeys();
    const extensions = [
      extension("2.5.29.19", true, sequence()),
      extension("2.5.29.15", true, der(0x03, Uint8Array.of(7, 0x80))), // digitalSignature
      extension("2.5.29.37", false, sequence(oid(client ? CLIENT_AUTH : SERVER_AUTH))),
      extension("2.5.29.35", false, sequence(der(0x80, keyIdentifier(this.#keys.spki)))),
    ];
    if (hosts.length > 0) {
      extensions.push(extension("2.5.29.17", false, sequence(...hosts.map(generalName))));
    }
    const certPem = certificate({
      issuer: this.#name,
      issuerKeys: this.#keys,
      subject: distinguishedName(commonName, organization),
      publicKey: keys.spki,
      notAfter,
      extensions,
    });
    return Promise.resolve({ certPem, keyPem: keys.privatePem });
  }
}

const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));

interface KeyPair {
  readonly privateKey: KeyObject;
  readonly privatePem: string;
  /** SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
}

function generateKeys(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    privateKey,
    privatePem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    spki: new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
  };
}

interface CertificateContent {
  readonly issuer: Uint8Array;
  readonly issuerKeys: KeyPair;
  readonly subject: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly notAfter: Date;
  readonly extensions: readonly Uint8Array[];
}

function certificate(content: CertificateContent): string {
  // The hour before leaves room for clocks that differ, and for certificates that have expired.
  const notBefore = new Date(Math.min(Date.now(), content.notAfter.getTime()) - HOUR);
  const serial = crypto.getRandomValues(new Uint8Array(16));
  const toBeSigned = sequence(
    der(0xa0, integer(Uint8Array.of(2))), // version 3
    integer(serial),
    ECDSA_WITH_SHA256,
    content.issuer,
    sequence(utcTime(notBefore), utcTime(content.notAfter)),
    content.subject,
    content.publicKey,
    der(0xa3, sequence(...content.extensions)),
  );
  const signature = new Uint8Array(sign("sha256", toBeSigned, content.issuerKeys.privateKey));
  const base64 = sequence(toBeSigned, ECDSA_WITH_SHA256, bitString(signature)).toBase64();
  const lines = base64.match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

function distinguishedName(commonName: string, organization?: string): Uint8Array {
  const parts = [set(sequence(oid("2.5.4.3"), utf8String(commonName)))];
  if (organization !== undefined) {
    parts.unshift(set(sequence(oid("2.5.4.10"), utf8String(organization))));
  }
  return sequence(...parts);
}

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

function keyIdentifier(spki: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha1").update(spki).digest());
}

/** GeneralName: `iPAddress` or `dNSName`. */
function generalName(host: string): Uint8Array {
  if (isIPv4(host)) return der(0x87, Uint8Array.from(host.split("."), Number));
  if (isIPv6(host)) return der(0x87, ipv6Octets(host));
  return der(0x82, new TextEncoder().encode(host));
}

function ipv6Octets(address: string): Uint8Array {
  // The URL parser leaves groups of hexadecimal digits and one "::" at most.
  const [left = "", right] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string) =>
    text === "" ? [] : text.split(":").map((hex) => parseInt(hex, 16));
  const [head, tail] = [groups(left), groups(right ?? "")];
  const zeros = Array<number>(8 - head.length - tail.length).fill(0);
  const pairs = [...head, ...zeros, ...tail].map((group) =>
    Uint8Array.of(group >> 8, group & 0xff)
  );
  return concat(pairs);
}
