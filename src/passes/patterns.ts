// Name patterns of options: * stands for any characters.

/** True for names that match one of the patterns. */
export function matcher(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map((pattern) => new RegExp(`^${pattern.split('*').map(escape).join('.*')}$`, 's'));
  return (name) => expressions.some((expression) => expression.test(name));
}

function escape(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
}
