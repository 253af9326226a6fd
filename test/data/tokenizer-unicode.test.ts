import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { characterClasses } from '../../src/data/tokenizer/unicode.ts';

it('has the classes of all code points as Python’s tokenizers sees them', () => {
  // printed by make-tokenizer-unicode.py with tokenizers 0.23.3
  expect(createHash('sha256').update(characterClasses()).digest('hex')).toBe(
    '846949fd6114cfd2c57a79a779a743b196a13480f45f12da437a41399ae28ac0',
  );
});
