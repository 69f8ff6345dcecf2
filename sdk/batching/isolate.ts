/** What isolation needs to know of the jobs that it tries again. */
export interface Isolation<Member, Answers> {
  /** Lets others have their time before the next attempt. */
  turn(): Promise<void>;
  /** Whether somebody still waits for the member's answer. */
  wanted(member: Member): boolean;
  /** Runs some of the members on their own. @throws what made them fail. */
  attempt(members: readonly Member[]): Promise<Answers>;
  /** Members that ran well, with their answers. */
  answer(members: readonly Member[], answers: Answers): void;
  /** A member that fails alone. */
  fail(member: Member, error: unknown): void;
}

/**
 * Tries the members of a failed batch again in halves, and the halves of those that fail, until
 * every member has been answered or has failed alone: at most ⌈log2 n⌉ rounds, and for one member
 * that fails at most two attempts a round.
 */
export async function isolate<Member, Answers>(
  members: readonly Member[],
  isolation: Isolation<Member, Answers>,
): Promise<void> {
  const middle = members.length >> 1;
  for (const half of [members.slice(0, middle), members.slice(middle)]) {
    await isolation.turn();
    const wanted = half.filter((member) => isolation.wanted(member));
    if (wanted.length === 0) continue;
    let answers: Answers;
    try {
      answers = await isolation.attempt(wanted);
    } catch (error) {
      if (wanted.length === 1) isolation.fail(wanted[0]!, error);
      else await isolate(wanted, isolation);
      continue;
    }
    isolation.answer(wanted, answers);
  }
}
