import assert from "node:assert/strict";
import { getSecrets } from "../../../src/kubernetes/secrets/named.ts";
import { answer, CLOCK, listSecrets, TYPE } from "../../support/secret_answers.ts";

Deno.test("of a secret's annotations the one for further registries is kept, if it is read, and else that it is there", async () => {
  const annotated = (annotations: unknown) => ({
    kind: "Secret",
    metadata: { name: "a", annotations },
    type: TYPE,
    data: {},
  });
  const read = async (annotations: unknown, alsoFor: boolean) => {
    const item = annotated(annotations);
    const options = {
      server: "https://a.io",
      serviceAccount: { namespace: "team-a", name: "builder" },
      types: ["kubernetes.io/dockerconfigjson"] as const,
      alsoFor,
      clock: CLOCK,
      deadline: 60_000,
      onRetry: () => {},
    };
    const [listed] = await listSecrets({
      ...options,
      transport: () => Promise.resolve(answer(200, { kind: "SecretList", items: [item] })),
    });
    const [got] = await getSecrets(
      ["a"],
      { ...options, transport: () => Promise.resolve(answer(200, item)) },
      (_, reason) => assert.fail(reason),
      (secret) => secret,
    );
    assert.deepEqual(listed, got);
    return listed?.ignoresAlsoFor ?? listed?.alsoFor;
  };
  const key = "crio-credential-provider/also-for";
  assert.equal(await read({ [key]: "m.io", "a.io/b": "c" }, true), "m.io");
  assert.equal(await read({ [key]: "m.io" }, false), true);
  assert.equal(await read({ "a.io/b": "m.io" }, false), undefined);
  for (const none of [undefined, null, {}, { "a.io/b": "c" }, "m.io", [key], { [key]: 1 }]) {
    assert.equal(await read(none, true), undefined);
  }
});
