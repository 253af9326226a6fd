// Makes one readable line of an onnxruntime exception, which carries source positions and C++ signatures.

/** `/a/b.cc:12 void ns::f(int, T<x>)::<lambda()> ` or `b.cc:12 Function `: where in onnxruntime's source it was thrown. */
const sourcePosition =
  /\S+\.(?:cc|cpp|cu|h):\d+ (?:[^()\n]*::[^()\n]*\((?:[^()]|\([^()]*\))*\)(?:::<lambda\(\)>)?(?: const)?(?: \[[^\]]*\])? |\w+ )/g;

/** `Load model from X failed:`: the caller names the model. */
const loadPrefix = /^(?:Load model (?:from )?.*? failed[:.] ?)+/;

const longest = 400;

/** The reason in one line without source positions, at most 400 characters; every thrown value gives something. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message
    .replace(/failed([.:])(?=\S*\.(?:cc|cpp|cu|h):\d)/g, 'failed$1 ') // written without a space before the position
    .replace(sourcePosition, '')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(loadPrefix, '')
    .replace(
      /Non-zero status code returned while running (\S+) node\. Name:'([^']*)' Status Message: /,
      "node '$2', op $1: ",
    );
  const text = line === '' ? 'no reason given' : line;
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
