/** What `kubectl` prints where its manifests are expected. */

const RUN = "kubectl get secrets -n NAMESPACE -o json prints them";

/**
 * Says what a text is that holds no manifests: nothing, a table, or what `kubectl` said when it failed.
 * `undefined` when it may hold some. Nothing of the text is part of the answer.
 */
export function explainNoManifests(
  text: string,
): { readonly problem: string; readonly advice: string } | undefined {
  const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*$/, "").trim())
    .filter((line) => line !== "" && line !== "---");
  const [first] = lines;
  if (first === undefined) {
    return {
      problem: "is empty, expected secrets",
      advice: `${RUN}, and an empty list where there are none`,
    };
  }
  if (/^(?:error|unable to|the connection to|couldn't|no resources found)\b/i.test(first)) {
    return { problem: "is an error message of kubectl", advice: RUN };
  }
  if (/^(?:NAMESPACE\s+)?NAME\s+TYPE\b/.test(first)) {
    return { problem: "is kubectl's table, which lacks the secrets' data", advice: RUN };
  }
  return undefined;
}
