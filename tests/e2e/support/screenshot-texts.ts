/** The question of the pictures in the README. */
export const QUESTION = 'How far away is the horizon from the top of a 40 m lighthouse? With a formula and code, please.';

/** The answer, which is correct: the figures follow from the formula. */
export const ANSWER = String.raw`Without refraction, you can see from a height $h$ as far as

$$d \approx \sqrt{2Rh}$$

With the Earth’s radius $R$ = 6371 km, this is $3.57\,\sqrt{h}$ kilometres for $h$ in metres. From 40 m, the horizon is **22.6 km** away:

| Viewpoint | Height | Horizon |
| --- | ---: | ---: |
| On the beach | 1.7 m | 4.7 km |
| On a dune | 10 m | 11.3 km |
| Lighthouse | 40 m | 22.6 km |

~~~python
from math import sqrt

def horizon_km(height_m: float) -> float:
    """Distance to the horizon in km, without refraction."""
    return 3.57 * sqrt(height_m)

print(round(horizon_km(40), 1))  # 22.6
~~~
`;

const DAY_MS = 24 * 60 * 60 * 1000;

/** Earlier conversations for the sidebar, as a file to import. */
export function earlierConversations(now: Date): object {
  const titles: [string, number][] = [
    ['Lentil soup for six', 0.02],
    ['Sort a list of dates in Rust', 0.04],
    ['Weekend in Lisbon', 1],
    ['Letter to the landlord', 1.1],
    ['Why the sky is blue', 4],
    ['Unit tests for the parser', 9],
    ['Birthday poem for Ida', 40],
  ];
  return {
    format: 'webchat',
    version: 1,
    conversations: titles.map(([title, daysAgo]) => {
      const created_at = new Date(now.getTime() - daysAgo * DAY_MS).toISOString();
      return {
        title,
        created_at,
        updated_at: created_at,
        messages: [
          { role: 'user', content: title, created_at },
          { role: 'assistant', content: 'Gladly.', created_at },
        ],
      };
    }),
  };
}
