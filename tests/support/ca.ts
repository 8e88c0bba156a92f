/** A certificate authority for TLS between the parts of a test: X.509 (RFC 5280), ECDSA P-256. */

import "reflect-metadata"; // The library below needs it, and expects its user to load it.
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { isIP } from "node:net";

const HOUR = 3_600_000;
const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };
const SIGNING_ALGORITHM = { name: "ECDSA", hash: "SHA-256" };

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
  /** @default an hour ago, or an hour before `notAfter` if that is earlier */
  notBefore?: Date;
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
  readonly #certificate: X509Certificate;
  readonly #privateKey: CryptoKey;

  private constructor(certificate: X509Certificate, privateKey: CryptoKey) {
    this.certificatePem = `${certificate.toString("pem")}\n`;
    this.#certificate = certificate;
    this.#privateKey = privateKey;
  }

  /** Makes a CA of its own; two CAs of one name do not vouch for each other's certificates. */
  static async create(commonName: string): Promise<CertificateAuthority> {
    const keys = await generateKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: [{ CN: [commonName] }],
      keys,
      notBefore: new Date(Date.now() - HOUR),
      notAfter: new Date(Date.now() + 365 * 24 * HOUR),
      signingAlgorithm: SIGNING_ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new CertificateAuthority(certificate, keys.privateKey);
  }

  /** Issues a certificate with a key of its own. */
  async issue(options: IssueOptions): Promise<IssuedCertificate> {
    const { hosts, organization, client = false } = options;
    const { publicKey, privateKey } = await generateKeys();
    const notAfter = options.notAfter ?? new Date(Date.now() + 24 * HOUR);
    const names = hosts.map((host) =>
      isIP(host) === 0
        ? { type: "dns", value: host } as const
        : { type: "ip", value: host } as const
    );
    const subject: JsonName = [{ CN: [options.commonName ?? hosts[0] ?? "test"] }];
    if (organization !== undefined) subject.unshift({ O: [organization] });
    const certificate = await X509CertificateGenerator.create({
      subject,
      issuer: this.#certificate.subject,
      publicKey,
      signingKey: this.#privateKey,
      signingAlgorithm: SIGNING_ALGORITHM,
      // The hour before leaves room for clocks that differ, and for certificates that have expired.
      notBefore: options.notBefore ?? new Date(Math.min(Date.now(), notAfter.getTime()) - HOUR),
      notAfter,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([
          client ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth,
        ]),
        await AuthorityKeyIdentifierExtension.create(this.#certificate),
        ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
      ],
    });
    const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
    return {
      certPem: `${certificate.toString("pem")}\n`,
      keyPem: `-----BEGIN PRIVATE KEY-----\n${pkcs8.toBase64()}\n-----END PRIVATE KEY-----\n`,
    };
  }
}

function generateKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
}
