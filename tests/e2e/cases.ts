/** What the run shows, case by case. Each ends with a sentence of what was seen, or throws. */

import assert from "node:assert/strict";
import { CertificateAuthority } from "../support/ca.ts";
import { authFileName } from "../support/crio_consumer.ts";
import { KEYRING_ORDER } from "./containerd/keyring_order.ts";
import { IMAGE_LIBRARY } from "./image_library/run.ts";
import { NODE } from "./control_plane.ts";
import { type CommandResult, sleep } from "./process.ts";
import type { Case } from "./report.ts";
import type { Pod, World } from "./world.ts";

const NGINX = "docker.io/library/nginx";
const ALPINE = "docker.io/library/alpine";

/** The pull went through, as just this user. */
function assertPulled(
  result: { code: number; stderr: string; users: readonly string[] },
  user: string,
) {
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(result.users, [user]);
}

/** There was no file, and the mirror refused. */
function assertUnauthorized(result: { code: number; stderr: string; authFile: boolean }) {
  assert.deepEqual([result.authFile, result.code === 0], [false, false]);
  assert.match(result.stderr, /unauthorized/);
}

/** Which of a pod's images have an auth file. */
async function exist(world: World, pod: Pod, images: readonly string[]): Promise<boolean[]> {
  const names = new Set(await world.authFiles());
  return await Promise.all(
    images.map(async (image) => names.has(await authFileName(pod.namespace, image))),
  );
}

export const CASES: readonly Case<World>[] = [
  {
    name: "the documented example",
    expected:
      "the generated manifests make the mirror authorise the secret's user; without the file it does not",
    play: async (world) => {
      const { plane, mirror } = world;
      await plane.createNamespace("default");
      await world.apply(["rbac", "--namespace=default"]);
      const secret = ["secret", "--namespace=default", `--registry=${mirror.host}`];
      await world.apply([...secret, "--username=myuser"], mirror.password("myuser"));
      await plane.untilAllowed("default");
      assertUnauthorized(await world.crioPull("default", NGINX));
      assertPulled(await world.pull(await world.pod("default"), NGINX), "myuser");
      assert.deepEqual(await world.authFiles(), []);
      return "unauthorized without the file; with it the registry's log names myuser, and the file is gone";
    },
  },
  {
    name: "two namespaces, two secrets, one mirror",
    expected:
      "each pull is authorised as its own user; one namespace's token gets nothing of the other's",
    play: async (world) => {
      const { mirror, plane } = world;
      const a = await world.namespace("space-a", {
        own: { [mirror.host]: { auth: mirror.auth("a") } },
      });
      const b = await world.namespace("space-b", {
        own: { [mirror.host]: { auth: mirror.auth("b") } },
      });
      assertPulled(await world.pull(a, NGINX), "a");
      assertPulled(await world.pull(b, NGINX), "b");
      const as = "--as=system:serviceaccount:space-b:default";
      const { stderr } = await plane.kubectl(["get", "secrets", "-n", "space-a", as]);
      assert.match(stderr, /Forbidden/);
      await plane.mustKubectl(["delete", "secret", "own", "-n", "space-b"]);
      assertUnauthorized(await world.pull(b, NGINX));
      return "users a and b; space-b's account is forbidden space-a's secrets, and without its own gets no file";
    },
  },
  {
    name: "no Role for the service account",
    expected:
      "the kubelet logs the missing Role; the commands of the message make the next pull work",
    play: async (world) => {
      const { mirror } = world;
      const secrets = { own: { [mirror.host]: { auth: mirror.auth("a") } } };
      const pod = await world.namespace("no-role", secrets, { role: false });
      const refused = await world.pull(pod, NGINX);
      assertUnauthorized(refused);
      const command = /the Role is missing: (kubectl [^\n"]*--serviceaccount=no-role:default)/.exec(
        refused.kubeletLog,
      )?.[1];
      assert.ok(command, refused.kubeletLog);
      await world.plane.paste(command);
      await world.plane.untilAllowed("no-role");
      assertPulled(await world.pull(pod, NGINX), "a");
      return "the message stood in the kubelet's log; its two commands, run as printed, were enough";
    },
  },
  {
    name: "two images of one registry within a second",
    expected: "two auth files, through the kubelet's own cache",
    play: async (world) => {
      const { mirror } = world;
      const secrets = { own: { [mirror.host]: { auth: mirror.auth("a") } } };
      const pod = await world.namespace("two-images", secrets);
      let milliseconds = Infinity;
      // A busy machine may need several tries at doing both within the second that is in question.
      for (let tries = 0; tries < 5 && milliseconds >= 1000; tries++) {
        for (const image of [NGINX, ALPINE]) await world.crio.discard("two-images", image);
        const begin = performance.now();
        for (const image of [NGINX, ALPINE]) await world.kubelet.provide({ ...pod, image });
        milliseconds = Math.round(performance.now() - begin);
      }
      assert.ok(milliseconds < 1000, `the two took ${milliseconds} ms, too long to show anything`);
      assert.deepEqual(await exist(world, pod, [NGINX, ALPINE]), [true, true]);
      assertPulled(await world.crioPull("two-images", NGINX), "a");
      assertPulled(await world.crioPull("two-images", ALPINE), "a");
      await world.kubelet.provide({ ...pod, image: NGINX });
      assert.deepEqual(await exist(world, pod, [NGINX]), [true]);
      await world.crio.discard("two-images", NGINX);
      return `two files within ${milliseconds} ms; the same image again made a third`;
    },
  },
  {
    name: "a static pod, a deleted service account, an expired token",
    expected: "no file and no failure; a clear 401 for the other two",
    play: async (world) => {
      const { plane, mirror } = world;
      const pod = { namespace: "default", pod: "static", podUID: "0", serviceAccount: "" };
      const log = await world.kubelet.provide({ ...pod, image: NGINX });
      assert.doesNotMatch(log, /error/i);
      assert.deepEqual(await world.authFiles(), []);
      await world.namespace("gone", { own: { [mirror.host]: { auth: mirror.auth("a") } } });
      const token = await plane.token("gone");
      const expired = await world.runPlugin(NGINX, await plane.expiredToken("gone"));
      assert.equal(expired.code, 1);
      assert.match(
        expired.stderr,
        /the token of service account "gone\/default" was not accepted: HTTP status 401/,
      );
      assert.equal((await world.runPlugin(NGINX, token)).code, 0);
      await world.crio.discard("gone", NGINX);
      await plane.mustKubectl(["delete", "serviceaccount", "default", "-n", "gone"]);
      let deleted = await world.runPlugin(NGINX, token);
      // The API server believes in a deleted account for a few seconds: it caches what it checked.
      for (let tries = 0; tries < 20 && deleted.code === 0; tries++) {
        await world.crio.discard("gone", NGINX);
        await sleep(1000);
        deleted = await world.runPlugin(NGINX, token);
      }
      assert.match(deleted.stderr, /was not accepted: HTTP status 401 Unauthorized/);
      assert.deepEqual(await world.authFiles(), []);
      return "the kubelet logged nothing for the static pod; both tokens ended in our message about a 401";
    },
  },
  {
    name: "every form of key, a wildcard, paths",
    expected: "each form opens the mirror; two paths of one host are opened by two users",
    play: async (world) => {
      const { plane, mirror, teams } = world;
      const pod = await world.namespace("keys", {});
      const wildcard = mirror.host.replace(/^[^.]+/, "*");
      const forms = [
        mirror.host,
        `http://${mirror.host}`,
        `https://${mirror.host}/`,
        `${mirror.host}/library`,
        `https://${mirror.host}/library/nginx`,
        `https://${mirror.host}/v1/`,
        `${mirror.host}/v2/`,
        wildcard,
      ];
      for (const key of forms) {
        await world.secret("keys", "own", { [key]: { auth: mirror.auth("a") } });
        assertPulled(await world.pull(pod, NGINX), "a");
      }
      const split = { username: "b", password: mirror.password("b") };
      await world.secret("keys", "own", { [mirror.host]: split });
      assertPulled(await world.pull(pod, NGINX), "b");
      await plane.mustKubectl(["delete", "secret", "own", "-n", "keys"]);

      const create = ["create", "secret", "docker-registry", "hub", "-n", "keys"];
      await plane.mustKubectl([...create, "--docker-username=hub", "--docker-password=x"]);
      await world.kubelet.provide({ ...pod, image: NGINX });
      const taken = await world.crio.take("keys", NGINX);
      assert.ok(taken);
      assert.equal(await world.crio.login(taken, "docker.io"), "hub");
      await Deno.remove(taken);

      await world.secret("keys", "team-a", {
        [`${teams.host}/team-a`]: { auth: teams.auth("team-a") },
      });
      await world.secret("keys", "team-b", {
        [`${teams.host}/team-b`]: { auth: teams.auth("team-b") },
      });
      assertPulled(await world.pull(pod, "teams.example.test/team-a/app"), "team-a");
      assertPulled(await world.pull(pod, "teams.example.test/team-b/app"), "team-b");
      return `${
        forms.length + 1
      } forms pulled; kubectl's default server is found for docker.io; teams by path`;
    },
  },
  {
    name: "a primary with prefix and location on different hosts, no mirror",
    expected: "the credential of where it is pulled from",
    play: async (world) => {
      const { teams } = world;
      const pod = await world.namespace("rewritten", {
        own: { [teams.host]: { auth: teams.auth("team-a") } },
      });
      const image = "old.example.test/apps/app";
      assertUnauthorized(await world.crioPull("rewritten", image));
      assertPulled(await world.pull(pod, image), "team-a");
      return "pulled as team-a, unauthorized before";
    },
  },
  {
    name: "a global file with a more specific entry, and with a helper",
    expected: "the namespace's credential wins; other hosts keep theirs",
    play: async (world) => {
      const { mirror, teams } = world;
      const secrets = { own: { [mirror.host]: { auth: mirror.auth("a") } } };
      const pod = await world.namespace("global", secrets);
      const wrong = { auth: btoa("nobody:wrong") };
      const others = { [teams.host]: { auth: teams.auth("team-b") } };
      const entry = { auths: { [`${mirror.host}/library`]: wrong, ...others } };
      const helper = {
        auths: others,
        credHelpers: { [mirror.host]: "none", "helped.example.test": "none" },
      };
      for (const global of [entry, helper]) {
        await world.withGlobalAuthFile(global, async () => {
          assertPulled(await world.pull(pod, NGINX), "a");
          await world.kubelet.provide({ ...pod, image: NGINX });
          const taken = await world.crio.take("global", NGINX);
          assert.ok(taken);
          assert.equal(await world.crio.login(taken, teams.host), "team-b");
          await Deno.remove(taken);
        });
      }
      return "user a in both; the library finds team-b for the other host";
    },
  },
  {
    name: "a login that is meant for a mirror, too",
    expected: "refused without the annotation; with it pulled as the registry's user",
    play: async (world) => {
      const { mirror } = world;
      const pod = await world.namespace("also-for", {});
      const args = ["secret", "--namespace=also-for", "--registry=docker.io", "--name=hub"];
      const make = (...more: string[]) =>
        world.apply([...args, "--username=a", ...more], mirror.password("a"));
      await make();
      const refused = await world.pull(pod, NGINX);
      assert.deepEqual([refused.code === 0, refused.users], [false, []]);
      await make(`--also-for=${mirror.host}/library`);
      assertPulled(await world.pull(pod, NGINX), "a");
      return "the mirror saw nobody, then user a";
    },
  },
  {
    name: "rotation",
    expected: "the second pull uses the changed secret",
    play: async (world) => {
      const { mirror } = world;
      const secrets = { own: { [mirror.host]: { auth: mirror.auth("a") } } };
      const pod = await world.namespace("rotation", secrets);
      assertPulled(await world.pull(pod, NGINX), "a");
      await world.secret("rotation", "own", { [mirror.host]: { auth: mirror.auth("new") } });
      assertPulled(await world.pull(pod, NGINX), "new");
      return "first a, then new";
    },
  },
  {
    name: "the API server restarted during a run, and one of another CA",
    expected: "the run waits and succeeds; the other one is refused before anything is sent",
    play: async (world) => {
      const { plane, mirror } = world;
      const secrets = { own: { [mirror.host]: { auth: mirror.auth("a") } } };
      await world.namespace("restart", secrets);
      const token = await plane.token("restart");
      await plane.stopApiserver();
      const running = world.runPlugin(NGINX, token);
      // Long enough for the first attempt to find nobody.
      await sleep(500);
      await plane.startApiserver();
      const { code, stderr } = await running;
      assert.equal(code, 0, stderr);
      const retries = stderr.match(/trying again/g)?.length ?? 0;
      assert.ok(retries > 0, stderr);
      assertPulled(await world.crioPull("restart", NGINX), "a");

      const certificate = await (await CertificateAuthority.create("kubernetes")).issue({
        hosts: ["127.0.0.1"],
      });
      let requests = 0;
      await using impostor = Deno.serve(
        {
          hostname: "127.0.0.1",
          port: 0,
          cert: certificate.certPem,
          key: certificate.keyPem,
          onListen: () => {},
        },
        () => {
          requests++;
          return new Response("{}");
        },
      );
      const apiserver = `https://127.0.0.1:${impostor.addr.port}`;
      const executable = await world.build({ apiserver }, "impostor");
      const refused = await world.runPlugin(NGINX, token, executable);
      assert.deepEqual([refused.code, requests], [1, 0]);
      assert.match(
        refused.stderr,
        /its certificate is not signed by the expected CA; the CA used is/,
      );
      return `${retries} retries, then a file; the other server saw no request`;
    },
  },
  {
    name: "50 pods' pulls at once",
    expected: "50 auth files",
    play: async (world) => {
      const { mirror } = world;
      const secrets = { own: { [mirror.host]: { auth: mirror.auth("a") } } };
      const pod = await world.namespace("fifty", secrets);
      const images = Array.from({ length: 50 }, (_, index) => `docker.io/library/app-${index}`);
      await world.mirror.push(`${world.directory}/images/small`, "library/app-0", "library/app-49");
      const logs = await Promise.all(
        images.map((image) => world.kubelet.provide({ ...pod, image })),
      );
      assert.ok((await exist(world, pod, images)).every(Boolean), logs.join("\n"));
      assertPulled(await world.crioPull("fifty", "docker.io/library/app-0"), "a");
      assertPulled(await world.crioPull("fifty", "docker.io/library/app-49"), "a");
      return "50 files; two of them pulled as a";
    },
  },
  {
    name: "the cluster's checks, each thing missing once",
    expected: "the printed script names what is missing; its remedies, as printed, mend it",
    play: playChecks,
  },
  IMAGE_LIBRARY,
  KEYRING_ORDER,
];

/** The checks of the script, by their numbers, that a cluster fails without a thing. */
async function playChecks(world: World): Promise<string> {
  const { plane, mirror } = world;
  const entry = { [mirror.host]: { auth: mirror.auth("a") } };
  await plane.createNamespace("checks");
  await world.secret("checks", "a", entry);
  await world.secret("checks", "b", entry);
  const kubectl = (...args: string[]) => plane.mustKubectl([...args, "-n", "checks"]);
  const checks = (audience: string) => [
    ...["checks", "--namespace=checks", "--service-account=builder", `--node=${NODE}`],
    ...["--secret=a", "--secret=b", `--audience=${audience}`, "--image=nginx"],
  ];
  const script = await world.generate(checks(plane.audience));

  /** Runs the script until just these checks fail: an API server learns of roles in a moment. */
  const untilFailing = async (expected: readonly number[], text = script) => {
    let seen = { failing: [-1], remedies: [""], report: "" };
    for (let tries = 0; tries < 10; tries++) {
      seen = readChecks(await world.runScript(text));
      if (seen.failing.join() === expected.join()) return seen.remedies;
      await sleep(500);
    }
    assert.deepEqual(seen.failing, expected, seen.report);
    return seen.remedies;
  };

  // Nothing is there but the secrets; each remedy that is a whole command is run as it is printed.
  let remedies = await untilFailing([4, 5, 6, 8, 10]);
  for (let runs = 0; remedies.length > 0 && runs < 10; runs++) {
    await world.runScript(remedies[0] ?? "");
    remedies = readChecks(await world.runScript(script)).remedies;
  }
  await untilFailing([]);
  await untilFailing([3, 10], await world.generate(checks("https://another.example.com")));

  await plane.mustKubectl(["delete", "clusterrolebinding", "crio-credential-provider-node"]);
  const [forNode = ""] = await untilFailing([2, 3]);
  await world.runScript(forNode);
  await untilFailing([]);
  await world.apply(["rbac", "--all-nodes", `--audience=${plane.audience}`]);

  await kubectl("annotate", "serviceaccount", "builder", "crio-credential-provider/secrets-");
  const [annotate = ""] = await untilFailing([5]);
  await world.runScript(annotate);
  await kubectl("delete", "rolebinding", "crio-credential-provider-builder");
  const [role = ""] = await untilFailing([6, 8, 10]);
  await world.runScript(role);
  await kubectl("delete", "secret", "b");
  await untilFailing([9]);
  await kubectl("create", "secret", "generic", "b");
  await untilFailing([9]);
  await kubectl("delete", "secret", "b");
  await world.secret("checks", "b", entry);
  await untilFailing([]);

  // Without --secret the account may list. Another one, since the first names its secrets.
  const listed = await world.generate([
    ...["checks", "--namespace=checks", "--service-account=lister", `--node=${NODE}`],
    ...[`--audience=${plane.audience}`, "--image=nginx"],
  ]);
  const [account = ""] = await untilFailing([4, 5, 7], listed);
  await world.runScript(account);
  const [list = ""] = await untilFailing([5, 7], listed);
  await world.runScript(list);
  await untilFailing([], listed);
  await kubectl("delete", "secret", "a", "b");
  await untilFailing([6], listed);
  await world.secret("checks", "a", entry);
  await untilFailing([], listed);
  return "account, annotation, Role, node's rights, audience, secret and its type: each was named, " +
    "and what the remedies applied was enough; so for an account that may list";
}

/** The numbers of the checks that failed, with the remedies below them. */
function readChecks({ code, stdout, stderr }: CommandResult) {
  const lines = stdout.split("\n");
  const failing = lines.flatMap((line, index) =>
    lines[index + 1]?.startsWith("  FAIL ") ? [parseInt(line)] : []
  );
  const remedies = lines.flatMap((line) => /^ {5}-> ((?:kubectl|crio-).*)$/.exec(line)?.[1] ?? []);
  assert.equal(code, failing.length === 0 ? 0 : 1, stdout + stderr);
  return { failing, remedies, report: stdout + stderr };
}
