/** Longer, and a frame may be missed. */
const PIECE_MS = 8;

let begun = 0;

/**
 * Lets the browser draw, and hear its user, if what went before has taken long enough: to be waited for
 * between the pieces of what may come in any number.
 */
export async function breathe(): Promise<void> {
  if (performance.now() - begun < PIECE_MS) return;
  await new Promise((resolve) => setTimeout(resolve));
  begun = performance.now();
}

const waiting: (() => void)[] = [];
let isUnderWay = false;

/**
 * Does it when it is its turn: of what waits the last comes first, with breath between. Work that fails
 * keeps nothing else from its turn.
 */
export function inTurn(work: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    waiting.push(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
    if (!isUnderWay) void workOff();
  });
}

async function workOff(): Promise<void> {
  isUnderWay = true;
  do {
    await breathe();
    waiting.pop()?.();
  } while (waiting.length > 0);
  isUnderWay = false;
}
