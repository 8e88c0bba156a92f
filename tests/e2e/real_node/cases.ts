/**
 * What a real node shows, case by case. Each ends with a sentence of what was seen, or throws.
 *
 * The plugin is installed before the first one. Each has namespaces and images of its own, since what
 * was pulled once is on the node.
 */

import assert from "node:assert/strict";
import { request } from "../../support/cluster.ts";
import { runPlugin } from "../../support/plugin.ts";
import { run, sleep } from "../process.ts";
import type { Case } from "../report.ts";
import { AUTH_DIR, BIN_DIR } from "./node.ts";
import { MIRROR, type PodName, podSpec, type RealWorld } from "./world.ts";

/** An image of the mirror as pods name it. */
function image(name: string): string {
  return `docker.io/library/${name}`;
}

/** What the mirror answers where there was no file. */
const UNAUTHORIZED = /unauthorized|authentication required/;

/** Runs a pod, and asserts as whom its image was pulled; nothing stays in the auth directory. */
async function assertPulled(
  world: RealWorld,
  pod: PodName,
  name: string,
  user: string,
  imagePullSecrets: readonly string[] = [],
): Promise<void> {
  const users = await world.pulledAs(
    name,
    () => world.run(pod, { image: image(name), imagePullSecrets }),
  );
  assert.deepEqual(users, [user]);
  await world.untilTaken(pod.namespace);
}

/** What doctor says, and its exit status. */
function doctor(): ReturnType<typeof run> {
  return run("/usr/local/bin/crio-credential-ctl", ["doctor"]);
}

/** The lines of a check. */
function linesOf(report: string, check: string): string {
  const lines = report.split("\n");
  return lines.flatMap((line, index) =>
    line.slice(6).startsWith(`${check} `) ? [line, ...advice(lines, index)] : []
  ).join("\n");
}

function advice(lines: readonly string[], index: number): string[] {
  const next = lines[index + 1] ?? "";
  return /^ +->/.test(next) ? [next] : [];
}

/** What explain tells of the last pull of an image in the namespace of its name, by CRI-O's log. */
async function explainWithLog(world: RealWorld, name: string): Promise<string> {
  const log = "/tmp/crio.log";
  await world.node.write(log, await world.node.logSince("crio", 0));
  const args = [
    "explain",
    "--image",
    `${image(name)}:latest`,
    "--token-file",
    "-",
    "--crio-log",
    log,
  ];
  const stdin = await world.plane.token(name);
  const { code, stdout, stderr } = await run("/usr/local/bin/crio-credential-ctl", args, { stdin });
  assert.equal(code, 0, stderr);
  return stdout.slice(stdout.indexOf("CRI-O's log"));
}

/** What a pod asks for that is to start from what is on the node. */
type CachedPolicy = "IfNotPresent" | "Never";

/** What the kubelet logs where it does not run the plugin, and where it does not start a container. */
const NOT_RUN = /Failed to provide credentials for image.*?err="([^\n]*?)" provider/;
const NOT_STARTED = /failed to \\"StartContainer\\" for \\"main\\" with (?!CrashLoop)\w+: [^\n]*/;

/**
 * Runs a pod of a namespace and an image of one name, and finds its container's process.
 *
 * @param again the name of another pod, which starts from what is on the node: that one is found.
 */
async function runOnce(
  world: RealWorld,
  name: string,
  again?: string,
): Promise<{ readonly pod: PodName; readonly uid: string; readonly ended: number }> {
  await world.push(name);
  await world.namespace(name, "a");
  let pod = { namespace: name, name: "web" };
  const options = { image: image(name), imagePullPolicy: "IfNotPresent" } as const;
  assert.deepEqual(await world.pulledAs(name, () => world.run(pod, options)), ["a"]);
  await world.untilTaken(name);
  if (again !== undefined) {
    pod = { namespace: name, name: again };
    assert.deepEqual(await world.pulledAs(name, () => world.run(pod, options)), []);
  }
  const uid = await world.uid(pod);
  const ended = await world.containerProcess(uid);
  assert.ok(ended !== undefined, "the container's process was not found");
  return { pod, uid, ended };
}

/** Waits until a pod's container runs as another process than the one that was ended. */
async function untilStartedAgain(world: RealWorld, uid: string, ended: number): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const found = await world.containerProcess(uid);
    if (found !== undefined && found !== ended) return;
    await sleep(100);
  }
  throw new Error("the kubelet did not start the container again within a minute");
}

/**
 * Creates a pod whose image has the namespace's name, and ends CRI-O while it has the pull's file and waits
 * for the mirror. The mirror goes on once CRI-O has ended, after two seconds at the latest.
 *
 * @returns how many seconds it took to end.
 */
async function endCrioDuringPull(
  world: RealWorld,
  pod: PodName,
  signal: "SIGTERM" | "SIGKILL",
): Promise<number> {
  // With it the pause image is there, too, when this is the first case that is played.
  const before = `${pod.namespace}-before`;
  await world.push(before);
  await world.run({ ...pod, name: "before" }, { image: image(before) });
  await world.untilTaken(pod.namespace);
  let [begin, ended] = [0, Promise.resolve()];
  world.mirror.stall();
  try {
    await world.createPod(pod, { image: image(pod.namespace) });
    for (let tries = 0; tries < 100 && (await world.inUse()).length === 0; tries++) {
      await sleep(100);
    }
    assert.equal((await world.inUse()).length, 1);
    begin = performance.now();
    ended = world.node.stopCrio(signal);
    // Told to stop, it waits for the answers to what was asked of it: it gets none for this long.
    await Promise.race([ended, sleep(2_000)]);
  } finally {
    world.mirror.resume();
  }
  await ended;
  return (performance.now() - begin) / 1000;
}

/** Plays with the API server stopped, and starts it again. */
async function withoutApiserver(world: RealWorld, use: () => Promise<void>): Promise<void> {
  await world.plane.stopApiserver();
  try {
    await use();
  } finally {
    await world.plane.startApiserver();
  }
}

/** A case, and the arguments that the plugin is installed with for it. @default none */
type NodeCase = Case<RealWorld> & { readonly args?: readonly string[] };

const BY_ACCOUNT = ["--pulled-images=service-account"];

/** Those with arguments are side by side: each change of them restarts the kubelet. */
const CASES: readonly NodeCase[] = [
  {
    name: "doctor on the node as the pages set it up",
    expected: "it finds the node ready",
    play: async () => {
      const { code, stdout } = await doctor();
      assert.equal(code, 0, stdout);
      const warnings = stdout.split("\n").filter((line) => line.startsWith("WARN"));
      const result = stdout.split("\n").find((line) => line.startsWith("Result: "));
      return [result, ...warnings].join("\n");
    },
  },
  {
    name: "the documented example on a node",
    expected: "the pod runs, pulled as the named secret's user; the file was taken and is gone",
    play: async (world) => {
      await world.push("nginx");
      await world.namespace("default", "myuser", { role: false });
      await world.nameSecrets("default", "mirror");
      const since = performance.now();
      await assertPulled(world, { namespace: "default", name: "web" }, "nginx", "myuser");
      assert.deepEqual(await world.inUse(), []);
      const [written = "nothing in the journal"] = world.journald.since(since, "auth file");
      return `Running, pulled as myuser; ${written.replace(/ path=\S+/, "")}`;
    },
  },
  {
    name: "by digest, by tag, by short name, as an image volume",
    expected: "each is pulled as the secret's user",
    play: async (world) => {
      await world.namespace("forms", "myuser");
      const digest = await world.push("by-digest");
      for (const name of ["by-tag:1.2-a", "short", "with-volume", "volume"]) await world.push(name);
      const pulls = [
        ["by-digest", { image: `${image("by-digest")}@${digest}` }],
        // There is none with the tag that is the default.
        ["by-tag", { image: image("by-tag:1.2-a") }],
        ["short", { image: "short" }],
        ["volume", { image: image("with-volume"), volume: image("volume") }],
      ] as const;
      for (const [name, options] of pulls) {
        const pod = { namespace: "forms", name };
        assert.deepEqual(await world.pulledAs(name, () => world.run(pod, options)), ["myuser"]);
        await world.untilTaken("forms");
      }
      return "four pods Running, each image pulled as myuser";
    },
  },
  {
    name: "two namespaces, each as its own user",
    expected: "the mirror sees user a, then user b, for one image",
    play: async (world) => {
      await world.push("shared");
      for (const user of ["a", "b"]) {
        await world.namespace(`space-${user}`, user);
        await assertPulled(world, { namespace: `space-${user}`, name: "web" }, "shared", user);
      }
      return "a for space-a, b for space-b";
    },
  },
  {
    name: "no Role: what the event and the log say",
    expected: "the pull fails; the kubelet's log has the commands that make it work, as they stand",
    play: async (world) => {
      await world.push("no-role");
      await world.namespace("no-role", "a", { role: false });
      const pod = { namespace: "no-role", name: "web" };
      const since = await world.node.logLength("kubelet");
      const event = await world.refuse(pod, { image: image("no-role") });
      assert.match(event, UNAUTHORIZED);
      const log = await world.node.logSince("kubelet", since);
      const command = /the Role is missing: (kubectl [^\n"]*?--serviceaccount=no-role:default)/
        .exec(log.replaceAll('\\"', '"'))?.[1];
      assert.ok(command, log.split("\n").filter((line) => line.includes("provider")).join("\n"));
      await world.plane.paste(command);
      assert.deepEqual(await world.pulledAs("no-role", () => world.untilRunning(pod)), ["a"]);
      const [first = ""] = event.split("\n");
      return `event: ${
        first.slice(0, 160)
      }…\nthe log's two kubectl commands were enough: Running, pulled as a`;
    },
  },
  {
    name: "CRI-O's log beside what explain expects",
    expected: "a pull with its file is as expected; one without it parts where it did",
    play: async (world) => {
      await world.push("logged");
      await world.namespace("logged", "a", { role: false });
      const pod = { namespace: "logged", name: "web" };
      await world.refuse(pod, { image: image("logged") });
      await world.allow("logged");
      const without = await explainWithLog(world, "logged");
      assert.match(without, /They part: CRI-O took no auth file, and \S+ is expected/);
      assert.deepEqual(await world.pulledAs("logged", () => world.untilRunning(pod)), ["a"]);
      const withFile = await explainWithLog(world, "logged");
      assert.match(withFile, /^ {2}As expected, as far as the log shows\.$/m);
      assert.match(withFile, /^ {2}\+ \S+\/library\/logged: gave the image$/m);
      return withFile.split("\n").filter((line) => /^CRI-O's log|^ {2}[+-] /.test(line)).join("\n");
    },
  },
  {
    name: "images on the node, recorded for every pod",
    expected:
      "by default another namespace uses what is there without rights: what the pages warn of",
    play: async (world) => {
      await world.push("for-all");
      await world.namespace("all-a", "a");
      await world.namespace("all-b", "b");
      await world.namespace("all-c", undefined, { role: false });
      await assertPulled(world, { namespace: "all-a", name: "web" }, "for-all", "a");
      for (const imagePullPolicy of ["IfNotPresent", "Never"] as const) {
        for (const namespace of ["all-a", "all-b", "all-c"]) {
          const pod = { namespace, name: imagePullPolicy.toLowerCase() };
          const run = () => world.run(pod, { image: image("for-all"), imagePullPolicy });
          const users = await world.pulledAs("for-all", run);
          assert.deepEqual(users, [], `${namespace} with ${imagePullPolicy}`);
        }
      }
      return "pulled once, as a; a, b and a namespace without Role and secret run it without a pull, " +
        "with IfNotPresent and Never";
    },
  },
  {
    name: "a container restarted with the API server away, recorded for every pod",
    expected: "the kubelet starts it again, without a pull",
    play: async (world) => {
      const { pod, uid, ended } = await runOnce(world, "again-node");
      let seconds = "";
      const users = await world.pulledAs("again-node", async () => {
        await withoutApiserver(world, async () => {
          const since = performance.now();
          Deno.kill(ended, "SIGTERM");
          await untilStartedAgain(world, uid, ended);
          seconds = ((performance.now() - since) / 1000).toFixed(1);
        });
        await world.until(pod, ({ running, restarts }) => running && restarts === 1, 60);
      });
      assert.deepEqual(users, []);
      return `started again ${seconds} s after it ended, without a pull`;
    },
  },
  {
    name: "images on the node, recorded by service account",
    expected:
      "the account starts it without a pull; others need credentials of their own, Never included",
    args: BY_ACCOUNT,
    play: async (world) => {
      await world.push("by-account");
      await world.namespace("acc-a", "a");
      await world.namespace("acc-b", "b");
      await world.namespace("acc-c");
      await world.namespace("acc-d", undefined, { role: false });
      const start = (namespace: string, name: string, imagePullPolicy: CachedPolicy) => {
        const options = { image: image("by-account"), imagePullPolicy };
        return world.pulledAs("by-account", () => world.run({ namespace, name }, options));
      };
      assert.deepEqual(await start("acc-a", "first", "IfNotPresent"), ["a"]);
      const seen = ["a pulled it"];
      for (const imagePullPolicy of ["IfNotPresent", "Never"] as const) {
        const name = imagePullPolicy.toLowerCase();
        assert.deepEqual(await start("acc-a", name, imagePullPolicy), []);
        seen.push(`${imagePullPolicy}: a starts it without a pull`);
        // With IfNotPresent, b's own credentials pull it: that comes last.
        const others = imagePullPolicy === "Never" ? ["acc-b"] : [];
        for (const namespace of [...others, "acc-c", "acc-d"]) {
          const pod = { namespace, name };
          await world.createPod(pod, { image: image("by-account"), imagePullPolicy });
          const { waitingFor } = await world.until(
            pod,
            ({ running, waitingFor }) => running || /^(?:Err|ImagePull)/.test(waitingFor),
            60,
          );
          assert.match(waitingFor, /^(?:Err|ImagePull)/, `${namespace} with ${imagePullPolicy}`);
          seen.push(`${imagePullPolicy}: ${namespace} waits with ${waitingFor}`);
        }
      }
      assert.deepEqual(await start("acc-b", "web", "IfNotPresent"), ["b"]);
      assert.deepEqual(await start("acc-b", "again", "IfNotPresent"), []);
      assert.deepEqual(await start("acc-b", "by-then", "Never"), []);
      assert.deepEqual(await start("acc-a", "still", "Never"), []);
      seen.push("b pulled it as b, and starts it from then on; so does a");
      return seen.join("\n");
    },
  },
  {
    name: "a container restarted with the API server away, recorded by service account",
    expected:
      "the kubelet cannot start it until the API server is back; then it does, without a pull",
    args: BY_ACCOUNT,
    play: async (world) => {
      const { pod, uid, ended } = await runOnce(world, "again-account");
      let refusal = "";
      let back = 0;
      const users = await world.pulledAs("again-account", async () => {
        await withoutApiserver(world, async () => {
          const since = await world.node.logLength("kubelet");
          Deno.kill(ended, "SIGTERM");
          const [said = "", refused = ""] = [
            await world.untilLogged("kubelet", since, NOT_RUN, 60),
            await world.untilLogged("kubelet", since, NOT_STARTED, 60),
          ];
          refusal = `${said.slice(0, 200)}\n${refused.slice(0, 300)}`;
          assert.equal(await world.containerProcess(uid), undefined);
        });
        back = performance.now();
        await world.until(pod, ({ running, restarts }) => running && restarts === 1, 120);
      });
      assert.deepEqual(users, []);
      const seconds = ((performance.now() - back) / 1000).toFixed(0);
      return `${refusal}\nstarted again ${seconds} s after it was back`;
    },
  },
  {
    name: "a refused account after a file was left, recorded by service account",
    expected:
      "a start from the cache leaves a file; another account of the namespace does not pull with it",
    args: BY_ACCOUNT,
    play: async (world) => {
      const namespace = "left-account";
      const serviceAccountName = "without-role";
      await world.push("left-account");
      await world.namespace(namespace, "a");
      await world.plane.create({
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { name: serviceAccountName, namespace },
      });
      await assertPulled(world, { namespace, name: "first" }, "left-account", "a");
      const start = { image: image("left-account"), imagePullPolicy: "IfNotPresent" } as const;
      for (const imagePullPolicy of ["IfNotPresent", "Always"] as const) {
        const policy = imagePullPolicy.toLowerCase();
        const users = await world.pulledAs("left-account", async () => {
          await world.run({ namespace, name: `cached-${policy}` }, start);
          assert.equal(
            (await world.authFiles()).length,
            1,
            "a start from the cache leaves a file",
          );
          const pod = { namespace, name: `other-${policy}` };
          const event = await world.refuse(pod, {
            ...start,
            imagePullPolicy,
            serviceAccountName,
          });
          assert.match(event, UNAUTHORIZED);
        });
        assert.deepEqual(users, []);
        assert.deepEqual(await world.authFiles(), []);
      }
      return "with IfNotPresent and Always: the refused run removed the file, and its pull was refused";
    },
  },
  {
    name: "a file left by a start from the cache, with the API server away",
    expected:
      "a container is restarted by a pull with that file, and the image is every pod's: what " +
      "the pages warn of",
    args: BY_ACCOUNT,
    play: async (world) => {
      const { pod, uid, ended } = await runOnce(world, "left-away", "cached");
      assert.equal((await world.authFiles()).length, 1, "a start from the cache leaves a file");
      await world.namespace("left-away-c", undefined, { role: false });
      const users = await world.pulledAs("left-away", async () => {
        await withoutApiserver(world, async () => {
          const since = await world.node.logLength("kubelet");
          Deno.kill(ended, "SIGTERM");
          await untilStartedAgain(world, uid, ended);
          await world.untilLogged("kubelet", since, NOT_RUN);
        });
        await world.until(pod, ({ running, restarts }) => running && restarts === 1, 60);
      });
      assert.deepEqual(users, ["a"]);
      const other = { namespace: "left-away-c", name: "web" };
      const options = { image: image("left-away"), imagePullPolicy: "Never" } as const;
      assert.deepEqual(await world.pulledAs("left-away", () => world.run(other, options)), []);
      return "started again, pulled as a without a run of the plugin; from then on a namespace without " +
        "Role and secret runs the image";
    },
  },
  {
    name: "secrets that the service account names",
    expected: "the named ones are used and no other, and no right to list secrets is needed",
    play: async (world) => {
      const namespace = "named";
      await world.push("named");
      await world.namespace(namespace, undefined, { role: false });
      await world.secret(namespace, "b", "wide");
      // Each would win over the one before; the last is there, and not named.
      const narrower = [["mine", "library", "a"], ["other", "library/named", "new"]] as const;
      for (const [name, path, user] of narrower) {
        const auths = { [`${MIRROR}/${path}`]: { auth: world.mirror.auth(user) } };
        await world.plane.create({
          apiVersion: "v1",
          kind: "Secret",
          metadata: { name, namespace },
          type: "kubernetes.io/dockerconfigjson",
          stringData: { ".dockerconfigjson": JSON.stringify({ auths }) },
        });
      }
      await world.nameSecrets(namespace, "wide", "mine");
      await assertPulled(world, { namespace, name: "web" }, "named", "a");
      const as = `--as=system:serviceaccount:${namespace}:default`;
      for (const what of [["secrets"], ["secret", "other"]]) {
        const refused = await world.plane.kubectl(["get", ...what, "-n", namespace, as]);
        assert.match(refused.stderr, /Forbidden/);
      }
      const { stdout } = await world.plane.kubectl(
        ["auth", "can-i", "list", "secrets", "-n", namespace, as],
      );
      assert.equal(stdout.trim(), "no");
      return "pulled as a, by a secret that is named, though another has a narrower key; the account " +
        "may neither list secrets nor get that one";
    },
  },
  {
    name: "rotation and deletion of the secret",
    expected: "the next pull is as the new user; without the secret it is refused",
    play: async (world) => {
      const namespace = "rotated";
      await world.push("rotated");
      await world.namespace(namespace, "a");
      await assertPulled(world, { namespace, name: "before" }, "rotated", "a");
      await world.secret(namespace, "new");
      await assertPulled(world, { namespace, name: "after" }, "rotated", "new");
      await world.plane.mustKubectl(["delete", "secret", "mirror", "-n", namespace]);
      const event = await world.refuse({ namespace, name: "without" }, { image: image("rotated") });
      assert.match(event, UNAUTHORIZED);
      return "as a, as new, refused";
    },
  },
  {
    name: "a refusal after a file was left",
    expected: "who is refused the secrets does not pull with the file of an earlier run",
    play: async (world) => {
      const namespace = "left";
      await world.push("left");
      await world.namespace(namespace, "a");
      const { code, stderr } = await runPlugin(`${BIN_DIR}/crio-credential-provider`, {
        stdin: request(image("left"), await world.plane.token(namespace)),
      });
      assert.equal(code, 0, stderr);
      assert.equal((await world.authFiles()).length, 1);
      await world.plane.mustKubectl(["delete", "rolebinding", "--all", "-n", namespace]);
      await world.untilForbidden(namespace);
      const event = await world.refuse({ namespace, name: "web" }, { image: image("left") });
      assert.match(event, UNAUTHORIZED);
      assert.deepEqual(await world.authFiles(), []);
      return "the run that was refused removed the file; the pull went without and was refused";
    },
  },
  {
    name: "a pod with pull secrets of its own",
    expected: "they count for the registry itself; the mirror gets the namespace's credential",
    play: async (world) => {
      const namespace = "own-secrets";
      await world.push("own-secrets");
      await world.namespace(namespace, "a");
      const create = ["create", "secret", "docker-registry", "hub", "-n", namespace];
      await world.plane.mustKubectl([...create, "--docker-username=hub", "--docker-password=x"]);
      await assertPulled(world, { namespace, name: "web" }, "own-secrets", "a", ["hub"]);
      return "Running, pulled from the mirror as a";
    },
  },
  {
    name: "a static pod and the pause image",
    expected:
      "a static pod has no service account: no file, and no failure of the plugin; the pause image has its own file",
    play: async (world) => {
      await world.push("static");
      await world.push("static-absent");
      await world.namespace("for-static", "a");
      await assertPulled(world, { namespace: "for-static", name: "web" }, "static", "a");
      const since = performance.now();
      const logSince = await world.node.logLength("kubelet");
      for (const name of ["static", "static-absent"]) {
        await world.node.write(`/etc/kubernetes/manifests/${name}.yaml`, {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name, namespace: "default" },
          spec: podSpec({ image: image(name), imagePullPolicy: "IfNotPresent" }),
        });
      }
      await world.untilRunning({ namespace: "default", name: "static-node-1" });
      const event = await world.untilRefused({
        namespace: "default",
        name: "static-absent-node-1",
      });
      assert.match(event, UNAUTHORIZED);
      assert.deepEqual(await world.authFiles(), []);
      const log = await world.node.logSince("kubelet", logSince);
      assert.doesNotMatch(log, /Failed getting credential from external registry/);
      for (const name of ["static", "static-absent"]) {
        await Deno.remove(`/etc/kubernetes/manifests/${name}.yaml`);
      }
      const [line = "nothing in the journal"] = world.journald.since(since, "static");
      assert.deepEqual(
        await world.mirror.authorizedUsers("library/pause", world.pausePushed),
        ["pause"],
      );
      return `${line}\nwhat is on the node runs, what is not is refused by the mirror; pause was pulled as pause`;
    },
  },
  {
    name: "eight pods that start one image at once",
    expected: "each pull finds its file: no first pull fails",
    play: async (world) => {
      const namespace = "eight";
      await world.push("eight");
      await world.namespace(namespace, "a");
      const pods = Array.from({ length: 8 }, (_, index) => ({ namespace, name: `web-${index}` }));
      const since = performance.now();
      await Promise.all(pods.map((pod) => world.createPod(pod, { image: image("eight") })));
      await Promise.all(pods.map((pod) => world.untilRunning(pod)));
      let failed = 0;
      for (const pod of pods) {
        const events = await world.events(pod);
        if (events.some(({ message }) => /^Failed to pull/.test(message))) failed++;
      }
      assert.equal(failed, 0, `${failed} of 8 first pulls failed`);
      await world.untilTaken(namespace);
      const waits = world.journald.since(since, "waited=")
        .map((line) => Number(/waited="?(\d+)ms/.exec(line)?.[1]));
      return `8 Running, none failed; ${waits.length} runs waited, the longest ${
        Math.max(0, ...waits)
      } ms`;
    },
  },
  {
    name: "the API server goes away during a pull, and comes back",
    expected: "the pod runs once it is back, pulled as its user",
    play: async (world) => {
      const namespace = "away";
      await world.push("away");
      await world.namespace(namespace, "a");
      const pod = { namespace, name: "web" };
      const since = await world.node.logLength("kubelet");
      const begin = performance.now();
      const users = await world.pulledAs("away", async () => {
        await world.createPod(pod, { image: image("away") });
        // The kubelet has the pod from here on.
        await world.untilLogged("kubelet", since, /SyncLoop ADD.*away\/web/);
        await world.plane.stopApiserver();
        await sleep(3_000);
        await world.plane.startApiserver();
        await world.untilRunning(pod, 90);
      });
      assert.deepEqual(users, ["a"]);
      const seconds = ((performance.now() - begin) / 1000).toFixed(0);
      return `away for 3 s and its own start; Running after ${seconds} s in all, pulled as a`;
    },
  },
  {
    name: "CRI-O is stopped and started during a pull",
    expected: "nothing that it had taken stays in in-use/, and the pod runs, pulled as its user",
    play: async (world) => {
      const namespace = "stopped";
      await world.push("stopped");
      await world.namespace(namespace, "a");
      const pod = { namespace, name: "web" };
      const seconds = await endCrioDuringPull(world, pod, "SIGTERM");
      assert.deepEqual(await world.inUse(), []);
      const users = await world.pulledAs("stopped", async () => {
        await world.node.startCrio();
        await world.untilRunning(pod, 90);
      });
      assert.deepEqual(users, ["a"]);
      await world.untilTaken(namespace);
      return `it took ${seconds.toFixed(1)} s to stop; nothing stayed; Running as a`;
    },
  },
  {
    name: "CRI-O is killed during a pull",
    expected: "what it had taken stays in in-use/, doctor reports it, and the pod runs in the end",
    play: async (world) => {
      const namespace = "killed";
      await world.push("killed");
      await world.namespace(namespace, "a");
      const pod = { namespace, name: "web" };
      await endCrioDuringPull(world, pod, "SIGKILL");
      const left = await world.inUse();
      assert.equal(left.length, 1);
      const users = await world.pulledAs("killed", async () => {
        await world.node.startCrio();
        await world.untilRunning(pod, 90);
      });
      assert.deepEqual(users, ["a"]);
      assert.deepEqual(await world.inUse(), left);
      const { stdout } = await doctor();
      for (const name of left) await Deno.remove(`${AUTH_DIR}/in-use/${name}`);
      return `one file stayed in in-use/; Running as a\n${linesOf(stdout, "in-use")}`;
    },
  },
  {
    name: "the kubelet is restarted",
    expected: "pods go on, and the next pull has its file",
    play: async (world) => {
      const namespace = "restarted";
      await world.push("restarted");
      await world.push("restarted-next");
      await world.namespace(namespace, "a");
      await assertPulled(world, { namespace, name: "before" }, "restarted", "a");
      await world.node.restartKubelet();
      assert.ok((await world.state({ namespace, name: "before" })).running);
      await assertPulled(world, { namespace, name: "after" }, "restarted-next", "a");
      return "Running throughout; the next pull as a";
    },
  },
  {
    name: "an API server as OpenShift starts it",
    expected:
      "tokens for the old audience are refused with a message; installed anew, the pod runs",
    play: async (world) => {
      const namespace = "openshift";
      await world.push("openshift");
      await world.namespace(namespace, "a");
      await world.plane.stopApiserver();
      await world.plane.startApiserver("OpenShift");
      await world.node.restartKubelet();
      const since = await world.node.logLength("kubelet");
      const pod = { namespace, name: "web" };
      const event = await world.refuse(pod, { image: image("openshift") });
      assert.match(event, UNAUTHORIZED);
      const log = await world.node.logSince("kubelet", since);
      const message = /was not accepted: HTTP status 401[^\n]*/.exec(log)?.[0];
      assert.ok(message, "the kubelet's log says nothing of a 401");
      await world.install();
      await world.node.restartKubelet();
      assert.deepEqual(await world.pulledAs("openshift", () => world.untilRunning(pod, 90)), ["a"]);
      return `${
        message.slice(0, 300)
      }\nwith --audience=${world.plane.audience}: Running, pulled as a`;
    },
  },
];

export const REAL_NODE_CASES: readonly Case<RealWorld>[] = CASES.map(
  ({ args = [], play, ...words }) => ({
    ...words,
    play: async (world) => {
      await world.withArguments(args);
      return await play(world);
    },
  }),
);
