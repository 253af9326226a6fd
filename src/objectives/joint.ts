// Several goals on one encoder: a batch is of one goal, whose loss counts; the other heads are given nothing to count.
import type { HostTensor } from '../ir/host-tensor.ts';
import { weightedSum } from '../train/losses.ts';
import type { Objective } from '../train/types.ts';
import { floatTensor, type Feeder, type Goal, type PaddedBatch } from './goal.ts';

/** A goal with an output of its own, made with a `suffix` of its own. */
export interface Member {
  readonly name: string;
  readonly goal: Goal;
  /** Of its loss among the others'. */
  readonly weight: number;
}

/**
 * sum over goals of g L, where the input g is the goal's weight in its own batches and 0 in those of others. There all rows
 * have the goal's idle target, for which each loss is finite, so that its head gets a gradient of zero. One graph serves
 * all: heads are small beside the encoder.
 */
export function jointLoss(members: readonly Member[]): Objective['appendLoss'] {
  return (builder) => {
    const losses = members.map(({ goal }) => goal.appendLoss(builder));
    const terms = losses.map(({ loss }, i) => [builder.op('Mul', [loss, gateOf(members[i]!)]), 1] as const);
    const gates = members.map((member) => ({ name: gateOf(member), dtype: 'float32' as const, shape: [] }));
    return { loss: weightedSum(builder, terms), inputs: [...losses.flatMap(({ inputs }) => inputs), ...gates] };
  };
}

/** Feeds of batches whose rows are of goal `own`. */
export function jointFeeder(members: readonly Member[], own: Member): Feeder {
  return {
    feeds(batch, targets, random) {
      const feeds: Record<string, HostTensor> = {};
      for (const member of members) {
        const mine = member === own;
        const given = member.goal.feeds(batch, mine ? targets : idleTargets(member, batch), random);
        Object.assign(feeds, given.feeds, {
          [gateOf(member)]: floatTensor([], Float32Array.of(mine ? member.weight : 0)),
        });
      }
      return { feeds };
    },
  };
}

function idleTargets({ goal }: Member, { size }: PaddedBatch): unknown[] {
  return Array.from({ length: size }, () => goal.idle);
}

function gateOf({ name }: Member): string {
  return `gate_${name}`;
}
