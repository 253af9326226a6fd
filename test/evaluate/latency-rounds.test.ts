import { describe, expect, it } from 'vitest';
import { timeInTurn } from '../../src/evaluate/latency-rounds.ts';

/** Models that say how long they took without taking it, and when they ran. */
function fakes(...milliseconds: number[]): { ran: string[]; models: (() => Promise<number>)[] } {
  const ran: string[] = [];
  const models = milliseconds.map((ms, i) => async () => {
    ran.push('ABC'[i]!);
    return ms;
  });
  return { ran, models };
}

const least = { budgetMs: 0, minRounds: 3 };

describe('timeInTurn', () => {
  it('gives every model one turn a round and begins each round with another', async () => {
    const { ran, models } = fakes(100, 200, 300);
    expect(await timeInTurn(models, least)).toEqual([
      [100, 100, 100],
      [200, 200, 200],
      [300, 300, 300],
    ]);
    expect(ran.join('')).toBe('ABCABCBCACAB'); // the first three are warm-up
  });

  it('begins a turn of short runs with one that is not timed, and times as many as the slowest model allows', async () => {
    const { ran, models } = fakes(2, 5);
    await timeInTurn(models, { ...least, minRounds: 1 });
    const warmUp = 'AAAAABBBBB';
    expect(ran.join('')).toBe(`${warmUp}${'A'.repeat(1 + 4)}${'B'.repeat(1 + 4)}`); // 20 ms / 5 ms
  });

  it('takes the median of a turn', async () => {
    let run = 0;
    const model = async (): Promise<number> => [4, 4, 4, 4, 4, 50, 4, 4, 90, 4, 6][run++ % 11]!;
    expect(await timeInTurn([model], { ...least, minRounds: 1 })).toEqual([[4]]); // 50 is the untimed run
  });

  it('goes on while there is time', async () => {
    const { models } = fakes(100);
    const [times] = await timeInTurn(models, { budgetMs: 300, minRounds: 1 });
    expect(times!.length).toBeGreaterThan(1);
  });

  it('stops within a round when told to', async () => {
    const abort = new AbortController();
    const { ran, models } = fakes(100, 100);
    const stopping = async (): Promise<number> => {
      if (ran.length > 2) abort.abort(new Error('enough'));
      return models[0]!();
    };
    const work = timeInTurn([stopping, models[1]!], { ...least, signal: abort.signal });
    await expect(work).rejects.toThrow('enough');
    expect(ran.join('')).toBe('ABABBA'.slice(0, ran.length));
    expect(ran.length).toBeLessThan(8);
  });
});
