// Tokens as people read them: the neighbourhood of some, which stand in brackets.

/** Tokens shown on either side of one in brackets. */
const around = 3;

/**
 * Joins tokens to a text: `##ing` (WordPiece) goes to the token before it, a leading `Ġ` (byte-level BPE) or `▁`
 * (SentencePiece) is a space. What is far from a bracket becomes `…`.
 * @param bracketed positions that stand in brackets; none of their neighbourhood is left out
 */
export function tokensInContext(tokens: readonly string[], bracketed: ReadonlySet<number>): string {
  const spaced = tokens.some((token) => /^[Ġ▁]/.test(token));
  const near = (at: number): boolean => [...bracketed].some((one) => Math.abs(one - at) <= around);
  let text = '';
  let gap = false;
  tokens.forEach((token, at) => {
    if (!near(at)) {
      gap = true;
      return;
    }
    if (gap) text += text === '' ? '…' : ' …';
    const attached = !gap && (spaced ? !/^[Ġ▁]/.test(token) : token.startsWith('##'));
    const bare = token.replace(/^(##|[Ġ▁])(?=.)/u, '');
    text += `${attached || text === '' ? '' : ' '}${bracketed.has(at) ? `[${bare}]` : bare}`;
    gap = false;
  });
  return gap && text !== '' ? `${text} …` : text;
}
